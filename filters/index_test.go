package filters

import (
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// concerns is what the ABI says of an event's keys and those that a group wants.
func concerns(keys, interest []uint64) bool {
	return slices.Contains(keys, KeyAny) || slices.Contains(interest, KeyAny) ||
		slices.ContainsFunc(keys, func(k uint64) bool { return slices.Contains(interest, k) })
}

// TestIndexFindsWhatASearchFinds compares an index with a search through all groups, over random histories.
func TestIndexFindsWhatASearchFinds(t *testing.T) {
	key := rapid.Uint64Range(0, 30)
	rapid.Check(t, func(t *rapid.T) {
		var x Index
		model := map[int][]uint64{}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				slot := rapid.IntRange(0, 150).Draw(t, "slot")
				if _, taken := model[slot]; taken {
					t.Skip("taken")
				}
				interest := rapid.SliceOfN(key, 0, 6).Draw(t, "interest")
				x.Add(slot, interest)
				model[slot] = slices.Clone(interest)
				clear(interest)
			},
			"remove": func(t *rapid.T) {
				slot := rapid.IntRange(-1, 200).Draw(t, "slot")
				x.Remove(slot)
				delete(model, slot)
			},
			"": func(t *rapid.T) { checkCandidates(t, &x, model, rapid.SliceOfN(key, 0, 3).Draw(t, "keys")) },
		})
		for slot := range model {
			x.Remove(slot)
		}
		if len(x.lists) != 0 || len(x.any) != 0 || x.len != 0 {
			t.Fatalf("empty, the index holds %v and %v", x.lists, x.any)
		}
	})
}

func checkCandidates(t *rapid.T, x *Index, model map[int][]uint64, keys []uint64) {
	var want []uint32
	for slot, interest := range model {
		if concerns(keys, interest) {
			want = append(want, uint32(slot))
		}
	}
	slices.Sort(want)
	before := []uint32{7}
	got, narrow := x.Candidates(keys, before)
	if got[0] != 7 || !narrow && len(got) != 1 {
		t.Fatalf("%v was not appended to", got)
	}
	got = slices.Sorted(slices.Values(got[1:]))
	if narrow && !slices.Equal(got, want) {
		t.Fatalf("keys %v lead to %v, want %v of %v", keys, got, want, model)
	}
	if narrow && 3*len(got) > len(model) {
		t.Fatalf("%d of %d groups are picked out one by one", len(got), len(model))
	}
	if !narrow && len(want) == 0 && len(model) > 0 {
		t.Fatalf("keys %v concern nobody, and all are asked", keys)
	}
	if x.seen.Count() != 0 {
		t.Fatal("candidates are still marked as seen")
	}
}

func TestIndexAllocatesNothingToSearch(t *testing.T) {
	var x Index
	r := rand.New(rand.NewPCG(1, 2))
	for slot := range 10_000 {
		x.Add(slot, []uint64{1 + r.Uint64N(1000), 1 + r.Uint64N(1000)})
	}
	keys := []uint64{17, 99, 500}
	dst := make([]uint32, 0, 1000)
	found := 0
	n := testing.AllocsPerRun(100, func() {
		slots, _ := x.Candidates(keys, dst[:0])
		found = len(slots)
	})
	if n != 0 || found < 30 {
		t.Errorf("%v allocations to find %d slots", n, found)
	}
}

// TestIndexShrinks empties and fills again: an index follows what is in it.
func TestIndexShrinks(t *testing.T) {
	var x Index
	for range 3 {
		for slot := range 10_000 {
			x.Add(slot, []uint64{5, uint64(slot) + 10})
		}
		for slot := 9_999; slot >= 100; slot-- {
			x.Remove(slot)
		}
		if most := cap(x.lists[5]); most > 512 || len(x.lists) != 101 {
			t.Fatalf("100 slots take lists of %d entries, and %d lists", most, len(x.lists))
		}
		for slot := range 100 {
			x.Remove(slot)
		}
	}
}
