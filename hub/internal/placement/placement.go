// Package placement says which shard a channel is on.
package placement

import "hash/fnv"

// A Shard names one of a region's shards, from 1 on.
type Shard uint32

// A Placement says which shard a channel is on. Every node must say the same.
type Placement interface {
	ShardOf(tenantID uint64, channel string) Shard
}

// Hashed spreads channels over shards 1 to Hashed by the hash of their name.
type Hashed uint32

// ShardOf returns the channel's shard.
func (n Hashed) ShardOf(tenantID uint64, channel string) Shard {
	if n <= 1 {
		return 1
	}
	h := fnv.New64a()
	var id [8]byte
	for i := range id {
		id[i] = byte(tenantID >> (8 * i))
	}
	_, _ = h.Write(id[:])
	_, _ = h.Write([]byte(channel))
	return Shard(h.Sum64()%uint64(n)) + 1
}
