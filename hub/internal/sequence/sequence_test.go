package sequence_test

import (
	"testing"

	"weir/hub/internal/sequence"
)

func TestCheck(t *testing.T) {
	const now, age = int64(1_000_000), int64(10_000)
	for _, c := range []struct {
		called   string
		last     uint64
		sequence uint64
		issued   int64
		want     sequence.Verdict
	}{
		{"the first of all", 0, 1, now, sequence.Accept},
		{"the first, just in time", 0, 1, now - age + 1, sequence.Accept},
		{"the first, too late", 0, 1, now - age, sequence.Unknown},
		{"the first, from a clock ahead", 0, 1, now + sequence.SkewMs, sequence.Accept},
		{"the first, from the future", 0, 1, now + sequence.SkewMs + 1, sequence.Unknown},
		{"the second before the first", 0, 2, now, sequence.Gap},
		{"the second of a producer that may be forgotten", 0, 2, now - age, sequence.Unknown},
		{"the next", 7, 8, now, sequence.Accept},
		{"the next, of an old identity", 7, 8, 0, sequence.Accept},
		{"one too many", 7, 9, now, sequence.Gap},
		{"the last again", 7, 7, now, sequence.Duplicate},
		{"the first again", 7, 1, now, sequence.Duplicate},
		{"the oldest that is remembered", 2000, 2000 - sequence.Remembered + 1, now, sequence.Duplicate},
		{"one older than that", 2000, 2000 - sequence.Remembered, now, sequence.Expired},
		{"far too old", 1 << 60, 1, now, sequence.Expired},
	} {
		if got := sequence.Check(c.last, c.sequence, c.issued, now, age); got != c.want {
			t.Errorf("%s: %d, want %d", c.called, got, c.want)
		}
	}
}

// TestForgottenProducersAreUnknown asks that once a producer may be forgotten, its identity is too old to begin anew: a
// retry is never taken for a first attempt.
func TestForgottenProducersAreUnknown(t *testing.T) {
	const age = int64(10_000)
	for _, ahead := range []int64{0, 1, sequence.SkewMs} {
		used := int64(1_000_000)
		if sequence.Check(0, 1, used+ahead, used, age) != sequence.Accept {
			t.Fatalf("a clock %d ms ahead: not accepted", ahead)
		}
		forgotten := sequence.Due(used, age)
		if got := sequence.Check(0, 1, used+ahead, forgotten, age); got != sequence.Unknown {
			t.Errorf("a clock %d ms ahead: a forgotten producer's first publication is judged %d", ahead, got)
		}
	}
}

// TestRememberedPublicationsHavePages asks that each of the last publications is on a page that is kept or being filled.
func TestRememberedPublicationsHavePages(t *testing.T) {
	for last := uint64(1); last < 3*sequence.Remembered; last++ {
		filling, _ := sequence.Page(last + 1)
		oldest, _ := sequence.Page(max(last, sequence.Remembered) - sequence.Remembered + 1)
		if kept := sequence.Pages(last); filling-oldest > kept {
			t.Fatalf("after %d, pages %d to %d are needed, and %d are kept", last, oldest, filling-1, kept)
		}
	}
}

func TestSlotsOfKeptPagesDiffer(t *testing.T) {
	seen := map[uint16]bool{}
	for page := uint64(5000); page < 5000+sequence.Pages(1<<20); page++ {
		if seen[sequence.Slot(page)] {
			t.Fatalf("the slot of page %d is taken", page)
		}
		seen[sequence.Slot(page)] = true
	}
}
