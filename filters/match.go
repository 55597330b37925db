package filters

import (
	"context"
	"encoding/binary"

	"weir/proto/fault"
)

// indexedFrom is how many groups a set has at least before an event's keys are asked for: with fewer the call of weir_keys,
// which has to parse the event as match does, costs about what deciding about all of them does.
const indexedFrom = 128

// Match has the filter decide about one event for all groups of a set: bit i of verdicts says whether the group in slot
// i is to get it. Where groups have told what they are interested in, those that the event's routing keys rule out are
// not asked about. event is what AppendEvent made; verdicts has room for set.Slots() bits and is overwritten, also on
// failure (fault filter_failed), when all its bits are 0. It allocates nothing.
func (f *Filter) Match(ctx context.Context, event []byte, set *Set, verdicts Bitmap) error {
	clear(verdicts)
	set.spared = 0
	if len(verdicts) < words(set.Slots()) {
		return fault.New(fault.Internal, "verdicts have room for %d groups of %d", 64*len(verdicts), set.Slots())
	}
	if set.Len() == 0 {
		return nil
	}
	standing, err := f.pool.admit(ctx, false)
	if err != nil {
		return err
	}
	if standing != Aside {
		if err = f.match(ctx, seat{standing: standing}, event, set, verdicts); err != errLeft {
			return err
		}
		if standing, err = f.pool.admit(ctx, true); err != nil {
			return err
		}
	}
	return f.matchAside(ctx, standing, event, set, verdicts)
}

// matchAside is apart from Match so that Match allocates nothing.
func (f *Filter) matchAside(ctx context.Context, standing Standing, event []byte, set *Set, verdicts Bitmap) (err error) {
	f.program.engine.annex.run(func(at *thread) {
		err = f.match(ctx, seat{standing, at}, event, set, verdicts)
	})
	return err
}

// match is a use that has been admitted. With errLeft it has ended.
func (f *Filter) match(ctx context.Context, at seat, event []byte, set *Set, verdicts Bitmap) error {
	in, err := f.pool.get(ctx, at, false)
	if err != nil {
		return err
	}
	set.spared = 0
	export, err := f.decide(in, event, set, verdicts)
	return f.end(in, export, err)
}

// decide asks the guest about the groups that the event may concern. With an error comes the function that it is from.
func (f *Filter) decide(in *instance, event []byte, set *Set, verdicts Bitmap) (export string, err error) {
	in.event = event
	slots, narrow := []uint32(nil), false
	if set.index != nil && set.Len() >= indexedFrom && in.keys != nil {
		set.keys, err = in.appendKeys(in.keys, event, set.keys[:0])
		f.count(in, err)
		if err != nil {
			set.spared = set.Len()
			return exportKeys, err
		}
		slots, narrow = set.Candidates(set.keys)
	}
	var groups *packing
	switch {
	case !narrow:
		groups = set.pack()
	case len(slots) == 0:
		return "", nil
	default:
		groups = set.packSome(slots)
	}
	err = in.decide(event, groups)
	f.count(in, err)
	if err != nil {
		return exportMatch, err
	}
	groups.spread(in.answer, verdicts)
	return "", nil
}

// decide hands event, groups and room for the answers to the guest, and leaves the checked answers in in.answer.
func (in *instance) decide(event []byte, groups *packing) error {
	count := len(groups.slots)
	setAt := aligned(len(event))
	answerAt := setAt + len(groups.bytes) // a multiple of 8 as it is
	size := answerAt + 8*words(count)
	if err := in.reserve(size); err != nil {
		return err
	}
	buf, err := in.input(size)
	if err != nil {
		return err
	}
	clear(buf[copy(buf, event):setAt])
	copy(buf[setAt:], groups.bytes)
	clear(buf[answerAt:])

	ptr := uint64(in.ptr)
	in.stack = [5]uint64{ptr, uint64(len(event)), ptr + uint64(setAt), uint64(count), ptr + uint64(answerAt)}
	in.cost.Evaluations += uint64(count)
	if in.fuelUsed, err = in.run(in.match, in.limits.CallFuel+in.limits.GroupFuel*int64(count)); err != nil {
		return err
	}
	if in.stack[0]&resultFailed != 0 {
		_, err := in.result(0)
		return err
	}
	if in.stack[0] != 0 {
		return nonsense("it returned %#x, neither 0 nor an error", in.stack[0])
	}
	// The guest may have grown its memory, which moves it.
	if buf, err = in.input(size); err != nil {
		return err
	}
	return in.readAnswer(buf[answerAt:], count)
}

// readAnswer copies and checks the bitmap that the guest has filled in.
func (in *instance) readAnswer(b []byte, groups int) error {
	in.answer = in.answer[:0]
	for ; len(b) > 0; b = b[8:] {
		in.answer = append(in.answer, binary.LittleEndian.Uint64(b))
	}
	if rest := groups % 64; rest != 0 && in.answer[len(in.answer)-1]>>rest != 0 {
		return nonsense("it said yes to groups beyond the last of %d", groups)
	}
	return nil
}
