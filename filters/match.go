package filters

import (
	"context"
	"encoding/binary"

	"weir/proto/fault"
)

// Match has the filter decide about one event for all groups of a set: bit i of verdicts says whether the group in slot
// i is to get it. event is what AppendEvent made; verdicts has room for set.Slots() bits and is overwritten, also on
// failure (fault filter_failed), when all its bits are 0. It allocates nothing.
func (f *Filter) Match(ctx context.Context, event []byte, set *Set, verdicts Bitmap) error {
	clear(verdicts)
	if len(verdicts) < words(set.Slots()) {
		return fault.New(fault.Internal, "verdicts have room for %d groups of %d", 64*len(verdicts), set.Slots())
	}
	set.pack()
	if set.groups == 0 {
		return nil
	}
	in, err := f.pool.get(ctx, false)
	if err != nil {
		return err
	}
	err = in.decide(event, set)
	if err == nil {
		set.spread(in.answer, verdicts)
	}
	f.count(in, err)
	f.pool.put(in, broken(err))
	if err != nil {
		return failed(exportMatch, err)
	}
	return nil
}

// decide hands event, set and room for the answers to the guest, and leaves the checked answers in in.answer.
func (in *instance) decide(event []byte, set *Set) error {
	setAt := aligned(len(event))
	answerAt := setAt + len(set.packed) // a multiple of 8 as it is
	size := answerAt + 8*words(set.groups)
	if err := in.reserve(size); err != nil {
		return err
	}
	buf, err := in.input(size)
	if err != nil {
		return err
	}
	clear(buf[copy(buf, event):setAt])
	copy(buf[setAt:], set.packed)
	clear(buf[answerAt:])

	ptr := uint64(in.ptr)
	in.stack = [5]uint64{ptr, uint64(len(event)), ptr + uint64(setAt), uint64(set.groups), ptr + uint64(answerAt)}
	limits := &in.program.engine.limits
	if in.fuelUsed, err = in.run(in.match, limits.CallFuel+limits.GroupFuel*int64(set.groups)); err != nil {
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
	return in.readAnswer(buf[answerAt:], set.groups)
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
