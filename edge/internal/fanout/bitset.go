package fanout

import "math/bits"

// A bitset is a set of small numbers. The zero value is empty.
type bitset []uint64

func (b bitset) has(i int) bool {
	w := i >> 6
	return w < len(b) && b[w]&(1<<(uint(i)&63)) != 0
}

// add puts i into the set, which grows as needed.
func (b *bitset) add(i int) {
	for i>>6 >= len(*b) {
		*b = append(*b, 0)
	}
	(*b)[i>>6] |= 1 << (uint(i) & 63)
}

func (b bitset) remove(i int) {
	if w := i >> 6; w < len(b) {
		b[w] &^= 1 << (uint(i) & 63)
	}
}

func (b *bitset) assign(i int, in bool) {
	if in {
		b.add(i)
	} else {
		b.remove(i)
	}
}

// clone returns a copy that later changes leave alone.
func (b bitset) clone() bitset { return append(bitset(nil), b...) }

// next returns the least member that is at least i, -1 if there is none.
func (b bitset) next(i int) int {
	if i>>6 >= len(b) {
		return -1
	}
	w := i >> 6
	word := b[w] &^ (1<<(uint(i)&63) - 1)
	for word == 0 {
		if w++; w == len(b) {
			return -1
		}
		word = b[w]
	}
	return w<<6 + bits.TrailingZeros64(word)
}

// union returns the set of what is in either.
func union(a, b bitset) bitset {
	if len(a) < len(b) {
		a, b = b, a
	}
	u := a.clone()
	for i, w := range b {
		u[i] |= w
	}
	return u
}
