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

	// What pack made of the above, until stale.
	stale  bool
	packed []byte // see ABI.md, "The set"
	slots  []int  // slot of each packed group; nil where group i is in slot i
	groups int    // packed groups
}

// setEntrySize is the size of a table entry: offset and length of a group's prepared params, u32 each.
const setEntrySize = 8

// Add puts a group with these prepared params, which are copied, into a free slot or else a new one.
func (s *Set) Add(prepared []byte) (slot int) {
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
}

// Slots returns how many slots there are, free ones included: the number of bits that a bitmap of verdicts needs.
func (s *Set) Slots() int { return len(s.prepared) }

// Len returns how many groups there are.
func (s *Set) Len() int { return len(s.prepared) - len(s.free) }

// Prepared returns the prepared params in a slot, nil if it is free. They must not be changed.
func (s *Set) Prepared(slot int) []byte {
	if slot < 0 || slot >= len(s.prepared) {
		return nil
	}
	return s.prepared[slot]
}

// pack brings packed, slots and groups up to date. It costs about as much as handing the set to the filter does, so
// doing it for every event that follows a change is no worse than twice the cost.
func (s *Set) pack() {
	if !s.stale {
		return
	}
	s.stale = false
	s.groups = s.Len()
	s.slots = s.slots[:0]
	s.packed = zeros(s.packed[:0], s.groups*setEntrySize)
	entry := 0
	for slot, prepared := range s.prepared {
		if prepared == nil {
			continue
		}
		s.slots = append(s.slots, slot)
		binary.LittleEndian.PutUint32(s.packed[entry:], uint32(len(s.packed)))
		binary.LittleEndian.PutUint32(s.packed[entry+4:], uint32(len(prepared)))
		entry += setEntrySize
		s.packed = pad(append(s.packed, prepared...), 0)
	}
	if len(s.free) == 0 {
		s.slots = s.slots[:0]
	}
}

// spread writes to verdicts, by slot, what a filter answered by packed group. Both bitmaps are long enough.
func (s *Set) spread(answer, verdicts Bitmap) {
	clear(verdicts)
	if len(s.slots) == 0 {
		copy(verdicts, answer)
		return
	}
	for i, slot := range s.slots {
		if answer.Get(i) {
			verdicts.Set(slot)
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
