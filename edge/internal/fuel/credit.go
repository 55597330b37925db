package fuel

import (
	"sync"
	"sync/atomic"
	"time"
)

// A credit is for how long guests may run in a way that others feel. It comes back with time, and it may be owed. It is safe for
// concurrent use.
type credit struct {
	part float64       // of a processor's time that comes back
	most time.Duration // that can be had, which it begins with
	debt time.Duration // most that can be owed

	left atomic.Int64 // ns, as of filled; it begins at most by the first fill

	mu     sync.Mutex
	filled time.Time // guarded by mu; zero: never
}

// What a tenant whose filters use little may use without waiting for a turn, and what all such tenants together may, so that a
// part of the processor that is left over remains what it is for.
const (
	lightPart = 0.05
	lightMost = 2 * time.Millisecond

	lanePart = 0.5
	laneMost = 20 * time.Millisecond
	laneDebt = 20 * time.Millisecond
)

// What a tenant may use by guests that have turns where they are called, for each turn that there is: more costs it the way to
// another thread and back for each call, and others feel it less.
const (
	briefPart = 0.1
	briefMost = 2 * time.Millisecond
)

// creditDebt is how much of either a tenant can owe: who has used much is back after one or two seconds.
const creditDebt = 100 * time.Millisecond

// spend takes time that has been used.
func (c *credit) spend(d time.Duration) { c.left.Add(-int64(d)) }

// good reports whether any is left. The clock is looked at only if there seems to be none.
func (c *credit) good() bool { return c.left.Load() > 0 || c.fill(time.Now()) }

// fill adds what has come back, and reports whether there is any.
func (c *credit) fill(now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	left := c.left.Load()
	come := int64(c.most)
	if !c.filled.IsZero() {
		come = int64(float64(now.Sub(c.filled)) * c.part)
	}
	c.filled = now
	want := min(max(left, -int64(c.debt))+come, int64(c.most))
	return c.left.Add(want-left) > 0
}
