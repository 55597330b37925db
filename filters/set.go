package filters

import (
	"encoding/binary"
	"slices"
)

// A Set is the prepared params of many groups, packed as Match hands them to a filter. It belongs to one goroutine. The
// zero value is empty and ready to use.
//
// A group keeps its slot for as long as it is in the set, so a slot is what a caller indexes its own tables and the
// verdicts with. Filters never see free slots: only groups are packed, and their verdicts are spread to their slots.
type Set struct {
	prepared [][]byte // by slot; nil where the slot is free
	free     []int    // free slots, the last freed one first to be used again
	index    *Index   // nil: no group has said what it is interested in
	spared   int      // groups that the latest Match did not ask about

	all   packing // of every group, unless stale
	stale bool
	some  packing // of those that an event may concern
	// Scratch for Match: an event's keys, and the slots that they lead to.
	keys       []uint64
	candidates []uint32
}

// Add puts a group with these prepared params, which are copied, into a free slot or else a new one. Match asks about it
// whatever the event.
func (s *Set) Add(prepared []byte) (slot int) {
	slot = s.add(prepared)
	if s.index != nil {
		s.index.Add(slot, everything)
	}
	return slot
}

// everything is the interest of a group that has told none.
var everything = []uint64{KeyAny}

// AddInterested is Add for a group whose routing keys are known: Match asks about it only where an event has one of them.
func (s *Set) AddInterested(prepared []byte, interest []uint64) (slot int) {
	if s.index == nil {
		s.index = &Index{}
		for slot, own := range s.prepared {
			if own != nil {
				s.index.Add(slot, everything)
			}
		}
	}
	slot = s.add(prepared)
	s.index.Add(slot, interest)
	return slot
}

func (s *Set) add(prepared []byte) (slot int) {
	own := append(make([]byte, 0, len(prepared)), prepared...)
	s.stale = true
	if n := len(s.free); n > 0 {
		slot, s.free = s.free[n-1], s.free[:n-1]
		s.prepared[slot] = own
		return slot
	}
	s.prepared = append(s.prepared, own)
	return len(s.prepared) - 1
}

// Remove frees a slot. Its verdict is 0 from then on, until the slot is used again. Removing what is free or has never
// been added does nothing.
func (s *Set) Remove(slot int) {
	if slot < 0 || slot >= len(s.prepared) || s.prepared[slot] == nil {
		return
	}
	s.prepared[slot] = nil
	s.free = append(s.free, slot)
	s.stale = true
	if s.index != nil {
		s.index.Remove(slot)
	}
}

// Slots returns how many slots there are, free ones included: the number of bits that a bitmap of verdicts needs.
func (s *Set) Slots() int { return len(s.prepared) }

// Len returns how many groups there are.
func (s *Set) Len() int { return len(s.prepared) - len(s.free) }

// Asked returns how many groups the latest Match, since which the set has not changed, asked the filter about: those that
// were evaluated.
func (s *Set) Asked() int { return s.Len() - s.spared }

// Prepared returns the prepared params in a slot, nil if it is free. They must not be changed.
func (s *Set) Prepared(slot int) []byte {
	if slot < 0 || slot >= len(s.prepared) {
		return nil
	}
	return s.prepared[slot]
}

// Candidates returns the slots that a match of an event with these routing keys asks about, valid until the next call.
// False: it asks about all groups; see Index. Match calls it by itself.
func (s *Set) Candidates(keys []uint64) (slots []uint32, narrow bool) {
	s.spared = 0
	if s.index == nil {
		return nil, false
	}
	if slots, narrow = s.index.Candidates(keys, s.candidates[:0]); narrow {
		s.candidates = slots
		s.spared = s.Len() - len(slots)
	}
	return slots, narrow
}

// pack returns all groups, packed. That is kept until the set changes; packing costs about as much as handing the set to
// the filter does, so doing it for every event that follows a change is no worse than twice the cost.
func (s *Set) pack() *packing {
	if !s.stale {
		return &s.all
	}
	s.stale = false
	s.all.begin(s.Len())
	for slot, prepared := range s.prepared {
		if prepared != nil {
			s.all.add(slot, prepared)
		}
	}
	s.all.dense = len(s.free) == 0
	return &s.all
}

// packSome returns the groups in some slots, none of which is free, packed. It is valid until the next call.
func (s *Set) packSome(slots []uint32) *packing {
	s.some.begin(len(slots))
	for _, slot := range slots {
		s.some.add(int(slot), s.prepared[slot])
	}
	return &s.some
}

// A packing is groups as a filter reads them: ABI.md, "The set".
type packing struct {
	bytes []byte
	slots []uint32 // of each group
	dense bool     // group i is in slot i
}

// setEntrySize is the size of a table entry: offset and length of a group's prepared params, u32 each.
const setEntrySize = 8

// begin makes room for the table of so many groups, which must be added next.
func (p *packing) begin(groups int) {
	p.slots, p.dense = p.slots[:0], false
	p.bytes = zeros(p.bytes[:0], groups*setEntrySize)
}

func (p *packing) add(slot int, prepared []byte) {
	entry := p.bytes[setEntrySize*len(p.slots):]
	binary.LittleEndian.PutUint32(entry, uint32(len(p.bytes)))
	binary.LittleEndian.PutUint32(entry[4:], uint32(len(prepared)))
	p.slots = append(p.slots, uint32(slot))
	p.bytes = pad(append(p.bytes, prepared...), 0)
}

// spread sets the bits of verdicts, by slot and all 0, to what a filter answered by group.
func (p *packing) spread(answer, verdicts Bitmap) {
	if p.dense {
		copy(verdicts, answer)
		return
	}
	for i, slot := range p.slots {
		if answer.Get(i) {
			verdicts.Set(int(slot))
		}
	}
}

// zeros appends n zeros.
func zeros(b []byte, n int) []byte {
	end := len(b) + n
	b = slices.Grow(b, n)[:end]
	clear(b[end-n:])
	return b
}

// pad appends zeros until what follows start is a multiple of 8 bytes long.
func pad(b []byte, start int) []byte {
	for (len(b)-start)&7 != 0 {
		b = append(b, 0)
	}
	return b
}
