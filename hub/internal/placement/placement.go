// Package placement says which shard a channel is on.
package placement

// A Group names one of a region's Raft groups: the control group or a shard's.
type Group uint32

// Control is the group of the control state; the others are numbered as their shards.
const Control Group = 0

// A Shard names one of a region's shards, from 1 on.
type Shard uint32

// Group returns the shard's Raft group.
func (s Shard) Group() Group { return Group(s) }

// Hashed spreads channels over shards 1 to Hashed by the hash of their name. Everyone who knows how many shards there are
// can say which one a channel is on, and all say the same.
type Hashed uint32

// ShardOf returns the shard of a tenant's channel. Neither name has a 0 in it.
func (n Hashed) ShardOf(tenant, channel string) Shard {
	if n <= 1 {
		return 1
	}
	h := add(offset64, tenant)
	h *= prime64 // the 0 between
	return Shard(mix(add(h, channel))%uint64(n)) + 1
}

// The hash is FNV-1a of 64 bits, as in hash/fnv, which would allocate for each name.
const (
	offset64 = 14695981039346656037
	prime64  = 1099511628211
)

func add(h uint64, text string) uint64 {
	for i := range len(text) {
		h = (h ^ uint64(text[i])) * prime64
	}
	return h
}

// mix spreads what a hash knows over all of its bits: the low ones of FNV depend on the low ones of the input alone.
func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	return h
}
