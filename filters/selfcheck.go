package filters

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
)

// Bounds of a Sample: taking one must cost the call that it is of little, and repeating it no more than that call.
const (
	sampleGroups = 64
	sampleBytes  = 64 << 10 // of prepared params, unless the first has more
)

// A Sample is a call of Match that is kept in order to be repeated: copies of the event, of some of the groups and of what was
// decided about them. It belongs to one goroutine at a time; its memory is used again. The zero value is empty.
type Sample struct {
	event  []byte
	groups packing
	said   []bool // of each group
	// indexed says that Match may have ruled out groups by their routing keys, without asking.
	indexed bool
	packed  []byte // scratch: prepared params, one after the other
	ends    []int  // of each group's in packed
}

// Take copies a call of Match that has not failed: up to 64 of its groups, beginning with the slot that turn leads to, so
// that other turns are about other groups.
func (s *Sample) Take(event []byte, set *Set, verdicts Bitmap, turn uint64) {
	s.event = append(s.event[:0], event...)
	s.said, s.packed, s.ends = s.said[:0], s.packed[:0], s.ends[:0]
	s.indexed = set.index != nil
	slots := uint64(set.Slots())
	for i := uint64(0); i < slots && len(s.said) < sampleGroups; i++ {
		slot := int((turn*sampleGroups + i) % slots)
		prepared := set.Prepared(slot)
		if prepared == nil {
			continue
		}
		if len(s.said) > 0 && len(s.packed)+len(prepared) > sampleBytes {
			break
		}
		s.said = append(s.said, verdicts.Get(slot))
		s.packed = append(s.packed, prepared...)
		s.ends = append(s.ends, len(s.packed))
	}
}

// prepared returns the prepared params of a group.
func (s *Sample) prepared(group int) []byte {
	begin := 0
	if group > 0 {
		begin = s.ends[group-1]
	}
	return s.packed[begin:s.ends[group]]
}

// pack lays the groups out as the filter reads them.
func (s *Sample) pack() *packing {
	s.groups.begin(len(s.said))
	for i := range s.said {
		s.groups.add(i, s.prepared(i))
	}
	return &s.groups
}

// A Discrepancy is a verdict that a filter has given and does not give again on an instance that knows of nothing before: the
// filter depends on history, or on which other groups it is asked about.
type Discrepancy struct {
	// Group is the beginning of the SHA-256 of the prepared params, in hexadecimal.
	Group string
	// Said and Again are "match" or "held", and Again may be "failed".
	Said, Again string
}

// Recheck repeats a call on an instance that has never been called, and returns how the outcome differs, nil if it does not.
// An error says nothing about the filter: it could not be asked, or needed more fuel than so few groups are given.
func (f *Filter) Recheck(ctx context.Context, s *Sample) (*Discrepancy, error) {
	var answer Bitmap
	var refused error // by the guest
	err := f.alone(ctx, func(in *instance) error {
		refused = in.decide(s.event, s.pack())
		answer = append(answer, in.answer...)
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case inconclusive(refused):
		return nil, refused
	case refused != nil:
		return s.discrepancy(0, "failed"), nil
	}
	for i, said := range s.said {
		if answer.Get(i) == said {
			continue
		}
		ruledOut, err := f.ruledOut(ctx, s, i)
		if err != nil {
			return nil, err
		}
		if !ruledOut {
			return s.discrepancy(i, verdictText(answer.Get(i))), nil
		}
	}
	return nil, nil
}

// inconclusive reports whether a call may have failed for another reason than what it was asked.
func inconclusive(err error) bool {
	var fuel *fuelError
	var overrun *overrunError
	return errors.As(err, &fuel) || errors.As(err, &overrun)
}

// ruledOut reports whether a group was held back without being asked about, as its routing keys and the event's have nothing
// in common: what the filter would have said does not count.
func (f *Filter) ruledOut(ctx context.Context, s *Sample, group int) (bool, error) {
	if !s.indexed || s.said[group] {
		return false, nil
	}
	keys, err := f.keysAlone(ctx, (*instance).eventKeys, s.event)
	if err != nil {
		return false, err
	}
	interest, err := f.keysAlone(ctx, (*instance).interestKeys, s.prepared(group))
	return err == nil && len(SharedKeys(keys, interest)) == 0, err
}

func (s *Sample) discrepancy(group int, again string) *Discrepancy {
	digest := sha256.Sum256(s.prepared(group))
	return &Discrepancy{Group: hex.EncodeToString(digest[:6]), Said: verdictText(s.said[group]), Again: again}
}

func verdictText(match bool) string {
	if match {
		return "match"
	}
	return "held"
}
