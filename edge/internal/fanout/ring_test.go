package fanout

import (
	"testing"
)

// readersAt says that the slowest reader stands at a position.
type readersAt uint64

func (r readersAt) oldest() uint64 { return uint64(r) }

func TestRingLetsGoOfWhatIsReadBeforeItGrows(t *testing.T) {
	r := ring{most: 64}
	for i := range uint64(1000) {
		r.push(entry{offset: i + 1, logged: true}, readersAt(r.next)) // all have read all
	}
	if len(r.entries) != ringFirst {
		t.Errorf("%d entries of room, want %d: nobody lags", len(r.entries), ringFirst)
	}
	for i := range uint64(1000) {
		r.push(entry{offset: 1000 + i + 1, logged: true}, readersAt(r.first)) // one reads nothing
	}
	if len(r.entries) != 64 || r.len() != 64 {
		t.Errorf("%d of %d entries, want the bound of 64", r.len(), len(r.entries))
	}
	if r.base.offset != 2000-64 {
		t.Errorf("base %d, want the offset before the oldest entry, %d", r.base.offset, 2000-64)
	}
}

func TestRingIsBoundedInBytes(t *testing.T) {
	r := ring{most: 64}
	item := make([]byte, ringMostBytes/4)
	for i := range uint64(10) {
		r.push(entry{item: item, offset: i + 1, logged: true}, readersAt(0))
	}
	if r.len() != 4 || r.bytes != ringMostBytes {
		t.Errorf("%d entries of %d bytes, want 4 of %d", r.len(), r.bytes, ringMostBytes)
	}
	r.push(entry{item: make([]byte, 2*ringMostBytes), offset: 11, logged: true}, readersAt(0))
	if r.len() != 1 {
		t.Errorf("%d entries, want the one that is larger than the bound", r.len())
	}
}

func TestRingFindsAnOffset(t *testing.T) {
	random := randomFrom(t, "WEIR_SEED")
	r := ring{most: 16}
	r.reset(position{1, 100})
	var offsets []uint64
	offset := uint64(100)
	for range 100 {
		offset += 1 + random.Uint64N(3)
		r.push(entry{offset: offset, logged: true}, readersAt(0))
		offsets = append(offsets, offset)
		for after := r.base.offset; after <= offset+1; after++ {
			var want uint64
			for _, o := range offsets {
				if o > after {
					want++
				}
			}
			if pos, logged := r.after(after); logged != want || pos != r.next-want {
				t.Fatalf("after %d: position %d, %d events, want %d events", after, pos, logged, want)
			}
		}
	}
}

func TestRingThatBeginsAnewHasLostEverybody(t *testing.T) {
	r := ring{most: 16}
	r.push(entry{offset: 1}, readersAt(0))
	read := r.next
	r.reset(position{2, 7})
	if read >= r.first {
		t.Errorf("who had read all, up to %d, is still in the ring from %d on", read, r.first)
	}
}
