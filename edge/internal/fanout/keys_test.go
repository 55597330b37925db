package fanout

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"weir/proto/weirpb"
)

func TestKeyTableAgainstAMap(t *testing.T) {
	random := randomFrom(t, "WEIR_SEED")
	table := newKeyTable()
	model := map[string]*weirpb.Event{}
	type frozen struct {
		keys  frozenKeys
		model map[string]*weirpb.Event
	}
	var kept []frozen
	for range 5000 {
		key := fmt.Sprint("key-", random.IntN(700))
		switch random.IntN(10) {
		case 0, 1, 2:
			table.remove(key)
			delete(model, key)
		case 3:
			if random.IntN(20) == 0 {
				kept = append(kept, frozen{table.freeze(), maps.Clone(model)})
			}
		default:
			e := &weirpb.Event{Key: key, Payload: make([]byte, random.IntN(100))}
			table.put(e)
			model[key] = e
		}
	}
	kept = append(kept, frozen{table.freeze(), maps.Clone(model)})
	for n, f := range kept {
		found := map[string]*weirpb.Event{}
		for i := range f.keys.size() {
			if e := f.keys.at(i); e != nil {
				found[e.GetKey()] = e
			}
		}
		if !maps.Equal(found, f.model) {
			t.Fatalf("frozen state %d holds %d keys, want %d, or others", n, len(found), len(f.model))
		}
		for _, later := range kept[n:] {
			checkChanged(t, f.keys, later.keys)
		}
	}
	var bytes int64
	for _, e := range model {
		bytes += eventBytes(e)
	}
	if table.bytes != bytes || table.len() != len(model) {
		t.Errorf("%d keys, %d bytes, want %d and %d", table.len(), table.bytes, len(model), bytes)
	}
}

func checkChanged(t *testing.T, a, b frozenKeys) {
	t.Helper()
	var want []int
	for i := range max(a.size(), b.size()) {
		if a.at(i) != b.at(i) {
			want = append(want, i)
		}
	}
	if got := a.changed(b); !slices.Equal(got, want) {
		t.Fatalf("changed %v, want %v", got, want)
	}
}

func TestBitset(t *testing.T) {
	var b bitset
	for _, i := range []int{3, 64, 200} {
		b.add(i)
	}
	clone := b.clone()
	b.remove(64)
	b.remove(10_000)
	var got []int
	for i := clone.next(0); i >= 0; i = clone.next(i + 1) {
		got = append(got, i)
	}
	if !slices.Equal(got, []int{3, 64, 200}) || b.has(64) || b.has(10_000) || !b.has(200) {
		t.Errorf("clone has %v; the set has 64: %t", got, b.has(64))
	}
	if u := union(bitset{1}, b); !u.has(0) || !u.has(200) || b.has(0) {
		t.Errorf("union %v", u)
	}
}
