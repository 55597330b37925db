package shard

import (
	"bytes"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"weir/hub/internal/placement"
	"weir/hub/internal/store"
)

func drawChannel(t *rapid.T, label string) ChannelID {
	return ChannelID{
		Tenant: rapid.Uint64().Draw(t, label+" tenant"),
		Name:   rapid.StringMatching(`[a-z:]{1,8}`).Draw(t, label+" name"),
	}
}

func TestEventsOfAChannelAreTogetherAndInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawChannel(t, "one"), drawChannel(t, "other")
		x, y := rapid.Uint64().Draw(t, "x"), rapid.Uint64().Draw(t, "y")
		one, two := appendEvent(nil, 1, a, x), appendEvent(nil, 1, a, y)
		if (x < y) != (bytes.Compare(one, two) < 0) {
			t.Fatalf("offsets %d and %d are out of order", x, y)
		}
		start := appendWithin(nil, 1, kindEvent, a)
		other := appendEvent(nil, 1, b, x)
		within := bytes.Compare(other, start) >= 0 && bytes.Compare(other, store.After(start)) < 0
		if within != (a == b) {
			t.Fatalf("an event of %v is among those of %v: %v", b, a, within)
		}
	})
}

func TestKeysOfDifferentRowsDiffer(t *testing.T) {
	id := ProducerID{Channel: ChannelID{Tenant: 7, Name: "chat"}, Name: "p"}
	var all []string
	for _, shard := range []placement.Shard{1, 2} {
		for _, key := range [][]byte{
			appendPrefix(nil, shard, kindBase), appendTenant(nil, shard, kindDropped, 7), appendChannel(nil, shard, id.Channel),
			appendEvent(nil, shard, id.Channel, 7), appendLatest(nil, shard, id.Channel, []byte("p")), appendProducer(nil, shard, id),
			appendPage(nil, shard, id, 7), appendDue(nil, shard, 7, id), appendDue(nil, shard, 7, ProducerID{Channel: id.Channel}),
		} {
			all = append(all, string(key))
		}
	}
	slices.Sort(all)
	if n := len(slices.Compact(slices.Clone(all))); n != len(all) {
		t.Errorf("%d of %d keys are the same as another", len(all)-n, len(all))
	}
}

func FuzzParseDue(f *testing.F) {
	id := ProducerID{Channel: ChannelID{Tenant: 3, Name: "chat:a"}, Name: "p-1"}
	f.Add(appendDue(nil, 1, 1_000, id))
	f.Add(appendDue(nil, 1, 0, ProducerID{Channel: id.Channel}))
	f.Add([]byte("S\x00\x00\x00\x01t"))
	f.Fuzz(func(t *testing.T, key []byte) {
		due, id, err := parseDue(key)
		if err != nil {
			return
		}
		shard := placement.Shard(uint32(key[1])<<24 | uint32(key[2])<<16 | uint32(key[3])<<8 | uint32(key[4]))
		if again := appendDue(nil, shard, due, id); !bytes.Equal(again, key) {
			t.Errorf("%q is read as %d, %v, which is written as %q", key, due, id, again)
		}
	})
}
