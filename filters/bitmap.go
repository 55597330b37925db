package filters

import "math/bits"

// A Bitmap holds one bit per slot of a Set: bit i%64 of word i/64.
type Bitmap []uint64

// NewBitmap returns a bitmap for n bits, all 0.
func NewBitmap(n int) Bitmap { return make(Bitmap, words(n)) }

// words returns how many 64-bit words hold n bits.
func words(n int) int { return (n + 63) / 64 }

// Get reports whether bit i is 1. Bits beyond the end are 0.
func (b Bitmap) Get(i int) bool {
	w := i >> 6
	return i >= 0 && w < len(b) && b[w]&(1<<(uint(i)&63)) != 0
}

// Set makes bit i 1. It panics if i is beyond the end.
func (b Bitmap) Set(i int) { b[i>>6] |= 1 << (uint(i) & 63) }

// Clear makes bit i 0. It panics if i is beyond the end.
func (b Bitmap) Clear(i int) { b[i>>6] &^= 1 << (uint(i) & 63) }

// Reset makes all bits 0.
func (b Bitmap) Reset() { clear(b) }

// Count returns how many bits are 1.
func (b Bitmap) Count() int {
	n := 0
	for _, w := range b {
		n += bits.OnesCount64(w)
	}
	return n
}
