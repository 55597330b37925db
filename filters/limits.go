package filters

import (
	"runtime"
	"time"
)

// Limits bound what a filter may use. The zero value of a field is its default.
type Limits struct {
	// ModuleBytes is the longest module. Default 4 MiB.
	ModuleBytes int
	// MemoryPages is the most linear memory of one instance, in pages of 64 KiB. Default 256 (16 MiB).
	MemoryPages uint32
	// CallFuel is how much fuel one call may use: see internal/meter for what costs how much. Default 400 million units,
	// some 50 ms.
	CallFuel int64
	// GroupFuel is how much more a match may use for each group. Default 400,000 units, some 50 µs.
	GroupFuel int64
	// CallTime is how long CallFuel may last, and more fuel as much longer. Nothing but code that waits for memory all the
	// time comes near it. It is the last safety net, and not the same on every machine. Default 1 s.
	CallTime time.Duration
	// CallDepth is how many calls a guest may nest; large functions count for more. Default and maximum 1,000.
	CallDepth int
	// ParamsBytes is the longest params that Prepare hands to a filter. Default 16 KiB.
	ParamsBytes int
	// PreparedBytes is the longest that prepared params may be. Default 64 KiB.
	PreparedBytes int
	// OutputBytes is the longest payload that Project may return. Default 128 KiB.
	OutputBytes int
	// LogLines is how many lines of weir.log are written in a second, of one Filter. Default 50.
	LogLines int
	// Instances is how many calls into one Filter may run at once; more wait. Default: twice the number of CPUs.
	Instances int
}

// Bounds that nobody needs to change.
const (
	// maxKeys is how many routing keys an event has and a group wants at most.
	maxKeys = 64
	// maxGuestText is how much of a guest's error text is passed on, in bytes.
	maxGuestText = 512
	// maxDepth is far below the 2,000 calls at which wazero's interpreter stops by itself, and at 8 KiB for each the
	// stack has 8 MiB at most.
	maxDepth = 1000
	// restoreEvery is how many calls that serve all of a tenant's groups an instance answers before it is put back to
	// its beginnings: see DESIGN.md, "State". With the dozen calls by which its buffer may grow these are fewer than the 61
	// after which Go's runtime, which allocates something for every call, needs another span: see DESIGN.md, "Fuel of Go".
	restoreEvery = 48
)

func (l Limits) withDefaults() Limits {
	set(&l.ModuleBytes, 4<<20)
	set(&l.MemoryPages, 256)
	set(&l.CallFuel, 400_000_000)
	set(&l.GroupFuel, 400_000)
	set(&l.CallTime, time.Second)
	set(&l.CallDepth, maxDepth)
	l.CallDepth = min(l.CallDepth, maxDepth)
	set(&l.ParamsBytes, 16<<10)
	set(&l.PreparedBytes, 64<<10)
	set(&l.OutputBytes, 128<<10)
	set(&l.LogLines, 50)
	set(&l.Instances, 2*runtime.GOMAXPROCS(0))
	return l
}

// most returns the limits that nobody's own can exceed, where l are those of who has none.
func (l Limits) most(than Limits) Limits {
	set(&l.MemoryPages, 4*than.MemoryPages)
	set(&l.CallFuel, 10*than.CallFuel)
	set(&l.GroupFuel, 10*than.GroupFuel)
	set(&l.OutputBytes, than.OutputBytes)
	set(&l.LogLines, 100*than.LogLines)
	return l
}

func set[T comparable](field *T, value T) {
	if zero := *new(T); *field == zero {
		*field = value
	}
}
