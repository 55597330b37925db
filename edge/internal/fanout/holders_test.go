package fanout

import (
	"slices"
	"testing"
)

// TestHoldersFindWhatWasAdded compares blocks of groups with a set of them, while groups and keys become more.
func TestHoldersFindWhatWasAdded(t *testing.T) {
	r := randomFrom(t, "WEIR_FANOUT_SEED")
	var h holders
	model := map[int]map[int]bool{} // by key: the first groups of blocks
	for step := range 3000 {
		key, group := r.IntN(1+step/10), r.IntN(1+4*step)
		first := group / blockGroups * blockGroups
		if model[key] == nil {
			model[key] = map[int]bool{}
		}
		h.add(key, group)
		model[key][first] = true

		other := r.IntN(1 + step/10)
		var found []int
		h.sift(other, func(first int) bool {
			found = append(found, first)
			if first%3 == 0 {
				delete(model[other], first)
			}
			return first%3 != 0
		})
		kept := slices.DeleteFunc(slices.Clone(found), func(first int) bool { return first%3 == 0 })
		for _, first := range kept {
			if !model[other][first] {
				t.Fatalf("key %d leads to groups from %d on, which were not added", other, first)
			}
		}
		if len(kept) != len(model[other]) {
			t.Fatalf("key %d leads to %v, want %v", other, found, model[other])
		}
	}
}
