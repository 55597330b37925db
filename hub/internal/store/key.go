package store

// First bytes of keys: who keeps a row. Control state and shards share nothing, so that each can move to a store of its
// own.
const (
	// OfReplica are rows about the Raft group itself.
	OfReplica byte = 'R'
	// OfControl are rows of the control state.
	OfControl byte = 'C'
	// OfShard are rows of a shard, whose number follows in 4 bytes, big-endian.
	OfShard byte = 'S'
)

// After returns the key that comes after all keys with this prefix, nil where there is none.
func After(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] != 0xff {
			end := append([]byte(nil), prefix[:i+1]...)
			end[i]++
			return end
		}
	}
	return nil
}
