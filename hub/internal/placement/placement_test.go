package placement_test

import (
	"fmt"
	"hash/fnv"
	"testing"

	"weir/hub/internal/placement"
)

func TestChannelsSpreadOverAllShards(t *testing.T) {
	const shards, channels = 4, 4000
	count := map[placement.Shard]int{}
	for i := range channels {
		count[placement.Hashed(shards).ShardOf(fmt.Sprint("tenant", i%7), fmt.Sprintf("chat:%d", i))]++
	}
	for s := placement.Shard(1); s <= shards; s++ {
		if count[s] < channels/shards/2 {
			t.Errorf("shard %d has %d of %d channels", s, count[s], channels)
		}
	}
	if len(count) != shards {
		t.Errorf("the shards are %v", count)
	}
}

// TestPlacementIsForever pins what stored data depends on.
func TestPlacementIsForever(t *testing.T) {
	for channel, want := range map[string]placement.Shard{"chat:a": 2, "chat:b": 2, "flights": 1, "map": 1, "chat": 4, "news": 3} {
		if got := placement.Hashed(4).ShardOf("acme", channel); got != want {
			t.Errorf("%s is on shard %d, want %d", channel, got, want)
		}
		if got := placement.Hashed(1).ShardOf("acme", channel); got != 1 {
			t.Errorf("the only shard is %d", got)
		}
	}
}

// TestShardOfHashes compares with the hash that it says it is.
func TestShardOfHashes(t *testing.T) {
	for i := range 1000 {
		tenant, channel := fmt.Sprint("tenant", i%7), fmt.Sprintf("chat:%d", i)
		h := fnv.New64a()
		_, _ = h.Write([]byte(tenant + "\x00" + channel))
		sum := h.Sum64()
		sum = (sum ^ sum>>33) * 0xff51afd7ed558ccd
		if got, want := placement.Hashed(1<<30).ShardOf(tenant, channel), placement.Shard((sum^sum>>33)%(1<<30)+1); got != want {
			t.Fatalf("%s %s: shard %d, want %d", tenant, channel, got, want)
		}
	}
	if n := testing.AllocsPerRun(100, func() { _ = placement.Hashed(4).ShardOf("acme", "chat:lobby") }); n > 0 {
		t.Errorf("ShardOf allocates %v times", n)
	}
}
