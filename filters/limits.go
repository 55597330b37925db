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
	// CallTime is how long one call may run. Default 50 ms. A match gets as much again for every 1,000 groups.
	CallTime time.Duration
	// CallDepth is how many calls a guest may nest. Default 1,000.
	CallDepth int
	// ParamsBytes is the longest params that Prepare hands to a filter. Default 16 KiB.
	ParamsBytes int
	// PreparedBytes is the longest that prepared params may be. Default 64 KiB.
	PreparedBytes int
	// OutputBytes is the longest payload that Project may return. Default 128 KiB.
	OutputBytes int
	// Instances is how many calls into one Filter may run at once; more wait. Default: twice the number of CPUs.
	Instances int
}

// Bounds that nobody needs to change.
const (
	// maxKeys is how many routing keys an event has and a group wants at most.
	maxKeys = 64
	// maxGuestText is how much of a guest's error text is passed on, in bytes.
	maxGuestText = 512
	// groupsPerCallTime is for how many groups a match gets CallTime once more.
	groupsPerCallTime = 1000
	// slice is how many ticks a guest counts before it reports: some 100 µs, long against the 0.1 µs that a report
	// costs and short against CallTime.
	slice = 100_000
	// firstSlice is what the first slice of a call counts for, as nobody looked at the clock when it began.
	firstSlice = 100 * time.Microsecond
	// longestSlice is the most that a slice counts for. A guest's slice takes longer only if it misses the cache all the
	// time; if one takes much longer, the machine was busy elsewhere, and a guest isn't blamed for that.
	longestSlice = time.Millisecond
	// restoreEvery is how many calls that serve all of a tenant's groups an instance answers before it is put back to
	// its beginnings: see DESIGN.md, "State".
	restoreEvery = 64
)

func (l Limits) withDefaults() Limits {
	set(&l.ModuleBytes, 4<<20)
	set(&l.MemoryPages, 256)
	set(&l.CallTime, 50*time.Millisecond)
	set(&l.CallDepth, 1000)
	set(&l.ParamsBytes, 16<<10)
	set(&l.PreparedBytes, 64<<10)
	set(&l.OutputBytes, 128<<10)
	set(&l.Instances, 2*runtime.GOMAXPROCS(0))
	return l
}

func set[T comparable](field *T, value T) {
	if zero := *new(T); *field == zero {
		*field = value
	}
}

// A governor decides how long a guest's call may go on. Each instance has its own.
type governor interface {
	// begin is told of a new call, and for how many groups it decides.
	begin(groups int)
	// more is asked whenever a slice of ticks is used up. It returns how many follow, or why there are none.
	more() (ticks int32, err error)
}

// clock is the governor that goes by time.
type clock struct {
	callTime time.Duration
	now      func() time.Time

	// Of the present call.
	limit, spent time.Duration
	last         time.Time // when the latest slice was used up; zero: none was
}

func (c *clock) begin(groups int) {
	c.limit = c.callTime + c.callTime*time.Duration(groups)/groupsPerCallTime
	c.spent, c.last = 0, time.Time{}
}

// more asks for the time only when a slice is used up, which most calls never do: they pay nothing for being bounded.
func (c *clock) more() (int32, error) {
	now := c.now()
	if c.last.IsZero() {
		c.spent = firstSlice
	} else {
		c.spent += min(now.Sub(c.last), longestSlice)
	}
	c.last = now
	if c.spent > c.limit {
		return 0, &overrunError{limit: c.limit}
	}
	return slice, nil
}
