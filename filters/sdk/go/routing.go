package weir

// AnyKey is the routing key that stands for all: an event that concerns every group, a group that is to be asked about
// every event.
const AnyKey uint64 = 0

// RoutingKey returns a routing key for a text, such as a name or a topic, the same in every SDK: FNV-1a with 64 bits.
func RoutingKey(text []byte) uint64 {
	hash := uint64(0xcbf29ce484222325)
	for _, c := range text {
		hash = (hash ^ uint64(c)) * 0x100000001b3
	}
	return hash
}
