package filters

import "testing"

func TestBitmap(t *testing.T) {
	b := NewBitmap(130)
	for _, i := range []int{0, 63, 64, 129} {
		if b.Get(i) {
			t.Errorf("bit %d begins as 1", i)
		}
		b.Set(i)
		if !b.Get(i) {
			t.Errorf("bit %d was set and is 0", i)
		}
	}
	if b.Get(1) || b.Get(-1) || b.Get(100_000) {
		t.Error("a bit that was never set is 1")
	}
	b.Clear(63)
	if b.Get(63) || b.Count() != 3 {
		t.Errorf("after clearing one of four bits, %d are 1", b.Count())
	}
	b.Reset()
	if b.Count() != 0 {
		t.Errorf("after a reset, %d bits are 1", b.Count())
	}
}
