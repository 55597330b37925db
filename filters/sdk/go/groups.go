package weir

import "unsafe"

// Groups are the prepared params of all groups: filters/ABI.md, "The set".
type Groups struct {
	set   unsafe.Pointer
	count int
}

// Len returns how many groups there are.
func (g Groups) Len() int { return g.count }

// At returns what Prepare returned for a group, from 0 on. It begins at a multiple of 8 and is valid during the call.
func (g Groups) At(group int) []byte {
	if uint(group) >= uint(g.count) {
		panic("weir: there is no such group")
	}
	entry := (*[2]uint32)(unsafe.Add(g.set, 8*group))
	return unsafe.Slice((*byte)(unsafe.Add(g.set, entry[0])), entry[1])
}

// Verdicts are where the answers go. All begin as "no".
type Verdicts struct {
	words []uint64
}

// Allow lets the event through to one group.
func (v Verdicts) Allow(group int) { v.words[group/64] |= 1 << (group % 64) }
