package filters

import "time"

// Limits bound what a filter may use. The zero value of a field is its default.
type Limits struct {
	// ModuleBytes is the longest module. Default 4 MiB.
	ModuleBytes int
	// MemoryPages is the most linear memory of one instance, in pages of 64 KiB. Default 256 (16 MiB).
	MemoryPages uint32
	// CallTime is how long one call may run. Default 50 ms. A match call gets as much again for every 1,000 groups.
	CallTime time.Duration
	// ParamsBytes is the longest params that Prepare hands to a filter. Default 16 KiB.
	ParamsBytes int
	// PreparedBytes is the longest that prepared params may be. Default 64 KiB.
	PreparedBytes int
	// OutputBytes is the longest payload that Project may return. Default 128 KiB.
	OutputBytes int
	// Instances is how many calls into one Filter may run at once; more wait. Default: twice the number of CPUs.
	Instances int
}
