package placement_test

import (
	"fmt"
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
