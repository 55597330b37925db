package filters

import (
	"encoding/binary"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// unpack reads packed groups as a guest does.
func unpack(p *packing) [][]byte {
	groups := make([][]byte, len(p.slots))
	for i := range groups {
		start := binary.LittleEndian.Uint32(p.bytes[setEntrySize*i:])
		size := binary.LittleEndian.Uint32(p.bytes[setEntrySize*i+4:])
		groups[i] = p.bytes[start : start+size]
	}
	return groups
}

// TestSetHoldsWhatWasAdded compares a set with a map from slots to params, over random histories.
func TestSetHoldsWhatWasAdded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var set Set
		model := map[int][]byte{}
		most := 0
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				prepared := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "prepared")
				slot := set.Add(prepared)
				if _, taken := model[slot]; taken {
					t.Fatalf("slot %d is given out twice", slot)
				}
				model[slot] = slices.Clone(prepared)
				clear(prepared)
				most = max(most, len(model))
			},
			"remove": func(t *rapid.T) {
				slot := rapid.IntRange(-1, most).Draw(t, "slot")
				set.Remove(slot)
				delete(model, slot)
			},
			"": func(t *rapid.T) {
				if set.Len() != len(model) || set.Slots() != most {
					t.Fatalf("%d groups in %d slots, want %d in %d", set.Len(), set.Slots(), len(model), most)
				}
				checkPacked(t, &set, model)
			},
		})
	})
}

func checkPacked(t *rapid.T, set *Set, model map[int][]byte) {
	packing := set.pack()
	groups := unpack(packing)
	if len(packing.bytes)%8 != 0 || len(groups) != len(model) {
		t.Fatalf("%d groups are packed in %d bytes, want %d", len(groups), len(packing.bytes), len(model))
	}
	// A guest that says yes to the odd ones among the groups that it sees.
	answer, verdicts := NewBitmap(len(groups)), NewBitmap(set.Slots())
	for i := 1; i < len(groups); i += 2 {
		answer.Set(i)
	}
	packing.spread(answer, verdicts)
	packed := 0
	for slot := range set.Slots() {
		want, present := model[slot]
		if got := set.Prepared(slot); (got != nil) != present || !slices.Equal(got, want) {
			t.Fatalf("slot %d holds %x, want %x", slot, got, want)
		}
		if !present {
			if verdicts.Get(slot) {
				t.Fatalf("free slot %d has a verdict", slot)
			}
			continue
		}
		if !slices.Equal(groups[packed], want) {
			t.Fatalf("group %d is %x, want %x of slot %d", packed, groups[packed], want, slot)
		}
		if verdicts.Get(slot) != (packed%2 == 1) {
			t.Fatalf("slot %d has the verdict of another group than %d", slot, packed)
		}
		packed++
	}
}

func TestSetPacksAlignedAndWithoutAllocating(t *testing.T) {
	var set Set
	for _, n := range []int{3, 0, 8, 17} {
		set.Add(make([]byte, n))
	}
	packed := set.pack().bytes
	for i, n := range []uint32{3, 0, 8, 17} {
		start, size := binary.LittleEndian.Uint32(packed[8*i:]), binary.LittleEndian.Uint32(packed[8*i+4:])
		if start%8 != 0 || size != n {
			t.Errorf("group %d lies at %d with %d bytes", i, start, size)
		}
	}
	if n := testing.AllocsPerRun(10, func() { set.stale = true; set.pack() }); n != 0 {
		t.Errorf("packing again allocates %v times", n)
	}
}
