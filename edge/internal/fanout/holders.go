package fanout

import "math/bits"

// blockGroups is how many groups share a bit in holders.
const blockGroups = 64

// Holders are where to look for the groups whose views have a key: by key number, a bit for each block of groups of which one
// may have it. So an event on a key finds them at the cost of those that there are, and memory is a 64th of what the views
// themselves take. A bit too many costs a look at its block, after which it is gone. The zero value is empty.
type holders struct {
	words int      // of 64 bits, for each key
	rows  []uint64 // by key, words each
}

// add has a group be found by a key's number.
func (h *holders) add(key, group int) {
	word, bit := group/blockGroups/64, uint64(1)<<(group/blockGroups%64)
	if word >= h.words {
		h.widen(word + 1)
	}
	for (key+1)*h.words > len(h.rows) {
		h.rows = append(h.rows, make([]uint64, h.words)...)
	}
	h.rows[key*h.words+word] |= bit
}

// widen makes room for more groups.
func (h *holders) widen(words int) {
	rows := make([]uint64, 0, words*cap(h.rows)/max(h.words, 1))
	for at := 0; at < len(h.rows); at += h.words {
		rows = append(rows, h.rows[at:at+h.words]...)
		rows = append(rows, make([]uint64, words-h.words)...)
	}
	h.words, h.rows = words, rows
}

// sift calls look for each block in which a group may have the key, with its first group, and keeps those of which look says
// that one has.
func (h *holders) sift(key int, look func(first int) bool) {
	if (key+1)*h.words > len(h.rows) {
		return
	}
	row := h.rows[key*h.words : (key+1)*h.words]
	for w := range row {
		for word := row[w]; word != 0; word &= word - 1 {
			bit := bits.TrailingZeros64(word)
			if !look((w*64 + bit) * blockGroups) {
				row[w] &^= 1 << bit
			}
		}
	}
}

// hold has a group that joins, or whose place has changed, be found by the keys of its view. mu is held.
func (c *channel) hold(g *group) {
	for i := g.matches.next(0); i >= 0; i = g.matches.next(i + 1) {
		c.holders.add(i, g.index)
	}
}
