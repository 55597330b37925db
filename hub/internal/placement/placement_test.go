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
		count[placement.Hashed(shards).ShardOf(uint64(i%7), fmt.Sprintf("chat:%d", i))]++
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
	for channel, want := range map[string]placement.Shard{"chat:a": 4, "chat:b": 3, "flights": 4, "map": 3} {
		if got := placement.Hashed(4).ShardOf(1, channel); got != want {
			t.Errorf("%s is on shard %d, want %d", channel, got, want)
		}
		if got := placement.Hashed(1).ShardOf(1, channel); got != 1 {
			t.Errorf("the only shard is %d", got)
		}
	}
}
