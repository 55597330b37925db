package filters

import (
	"cmp"
	"errors"
	"runtime"
	"time"
)

const (
	// slice is how much fuel a guest is given before it comes back to the host: some 20 µs, long against the 0.1 µs that
	// coming back costs, and short enough for Go's garbage collector, which waits for it.
	slice int64 = 200_000
	// shortestSlice is for guests that take 20 times as long for the same fuel, as they miss the cache.
	shortestSlice = slice / 16
	// A slice that took longer than slowSlice is followed by one half as long, after one shorter than quickSlice it is twice as long.
	slowSlice, quickSlice = 60 * time.Microsecond, 20 * time.Microsecond
	// firstSlice is the time that the first slice of a call counts for, as nobody looked at the clock when it began.
	firstSlice = 20 * time.Microsecond
	// longestSlice is the most time that a slice counts for. A guest's slice takes longer only if it misses the cache all
	// the time; if one takes much longer, the machine was busy elsewhere, and a guest isn't blamed for that.
	longestSlice = 2 * time.Millisecond
)

// errLeft ends a use that its account has asked to leave: it begins anew elsewhere.
var errLeft = errors.New("it goes on elsewhere")

// A governor grants a guest its fuel in slices, and counts it. Each instance has its own.
type governor struct {
	callFuel int64
	callTime time.Duration // how long callFuel may last
	now      func() time.Time
	account  Account // yielded to after each slice; nil: nobody is

	// Of the present use.
	seat seat
	came bool // a guest has come back, for a slice was used up

	// Of the present call.
	limit   int64 // fuel
	reserve int64 // the part of limit that has not been granted yet
	time    time.Duration
	spent   time.Duration // of time
	last    time.Time     // when the guest last came back; zero: it has not
	took    time.Duration // by the guest since the latest slice was granted, if somebody has looked at the clock since

	size    int64         // of slices, as long as there is as much left; 0: not set yet
	granted int64         // the latest slice
	due     time.Duration // about how long the guest has run in calls that are over, since it last yielded
}

func newGovernor(l Limits) governor {
	return governor{callFuel: l.CallFuel, callTime: l.CallTime, now: time.Now}
}

// enter is told of a new use.
func (g *governor) enter(at seat) {
	g.seat, g.came = at, false
	if at.thread != nil {
		g.now = threadTime
		at.thread.begin()
	}
}

// leave is told of its end, before others have its turn.
func (g *governor) leave() {
	if g.seat.thread != nil {
		g.now = time.Now
		g.seat.thread.breathe()
	}
}

// begin is told of a new call and what it may use. It returns the first slice.
func (g *governor) begin(limit int64) int64 {
	g.size = cmp.Or(g.size, slice)
	first := min(g.size, limit)
	g.limit, g.reserve = limit, limit-first
	g.time, g.spent, g.last, g.took, g.granted = g.callTime, 0, time.Time{}, 0, first
	if limit > g.callFuel {
		g.time = time.Duration(float64(g.callTime) * float64(limit) / float64(g.callFuel))
	}
	return first
}

// more is asked whenever a slice is used up; left is what the guest has left of it, below zero by what it has charged
// too much. It returns the next slice, or why there is none. What a call may use doesn't depend on slices: it ends at the
// first charge that its limit can't bear.
func (g *governor) more(left int64) (int64, error) {
	rest := g.reserve + left
	if rest < 0 {
		return 0, &fuelError{limit: g.limit}
	}
	if err := g.check(); err != nil {
		return 0, err
	}
	g.adapt()
	grant := min(g.size, rest)
	g.reserve, g.granted = rest-grant, grant
	return grant, nil
}

// adapt sets the size of the next slices by the time that the latest took: what they are to bound is time, of which the same
// fuel may be very different amounts. What a call may use, and what it is told, does not depend on it.
func (g *governor) adapt() {
	switch {
	case g.took > slowSlice:
		g.size = max(g.size/2, shortestSlice)
	case g.took > 0 && g.took < quickSlice:
		g.size = min(2*g.size, slice)
	}
	g.took = 0
}

// pause is called between the pieces of a long bulk operation, which is paid for already.
func (g *governor) pause() error { return g.check() }

// end is told of a call's end; left is what the guest has left of its slice.
func (g *governor) end(left int64) { g.due += timeOf(g.granted - left) }

// timeOf is about how long it takes to use so much fuel: up to 0.2 ns a unit. Looking at the clock would take longer than
// most calls that end within their first slice.
func timeOf(fuel int64) time.Duration { return time.Duration(fuel / 5) }

// yield lets others run: for a moment, if that is due on the guest's thread, and if the account says so. What the guest waits doesn't
// count as its time. The error is errLeft.
func (g *governor) yield(spent time.Duration) error {
	spent, g.due = spent+g.due, 0
	if g.seat.thread != nil {
		g.seat.thread.breathe()
	}
	if g.account == nil {
		return nil
	}
	switch g.account.Yield(g.seat.standing, spent) {
	case Leave:
		return errLeft
	case Waited:
		g.last = g.now()
		if g.seat.thread != nil {
			g.seat.thread.begin()
		}
	case Continue:
		if g.seat.thread == nil {
			runtime.Gosched() // whatever else the process has to do gets its chance
		}
	}
	return nil
}

// used returns what the call has used, of which left is what the guest has not.
func (g *governor) used(left int64) uint64 {
	return uint64(min(g.limit-g.reserve-left, g.limit))
}

// check looks at the clock, which most calls never do: they are over before the first slice is.
func (g *governor) check() error {
	now := g.now()
	took := firstSlice
	if !g.last.IsZero() {
		took = min(now.Sub(g.last), longestSlice)
		g.took += took
	}
	g.spent += took
	g.last = now
	if g.spent > g.time {
		return &overrunError{limit: g.time}
	}
	g.came = true
	return g.yield(took)
}
