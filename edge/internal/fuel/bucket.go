package fuel

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"weir/proto/fault"
)

const (
	// burst is for how long a tenant that has used little may use more than its rate allows.
	burst = time.Second
	// patience is for how long the calls of a tenant that needs more than its rate may all have to wait, before they are
	// refused instead: its channels then lag by about as much.
	patience = 5 * time.Second
	// rest is how long no call must have had to wait for patience to begin anew.
	rest = time.Second
	// A wait for fuel ends after at most longestWait, to see whether the rate is another, and takes at least shortestWait.
	longestWait  = time.Second
	shortestWait = time.Millisecond
)

// ErrExhausted is returned instead of calling a filter whose tenant has long needed more fuel than its rate.
var ErrExhausted = fault.New(fault.FuelExhausted, "the tenant's filters need more fuel than they may use in a second on this edge").
	WithHint("make them lighter, or have the operator raise it: weir tenant limits --fuel-per-second").WithRetryAfter(burst)

// A bucket fills with fuel at a rate, up to what a burst needs, and is emptied by what is used. It may be owed more than it has:
// what calls use is known when they have used it. It is safe for concurrent use.
type bucket struct {
	// balance is what may be used, as of filled.
	balance atomic.Int64

	mu     sync.Mutex
	rate   int64 // a second; guarded by mu, as are the following
	filled time.Time
	behind time.Time // since when calls have had to wait, but for rests
	short  time.Time // when one last had to
}

// setRate sets the fuel a second. A bucket begins full.
func (b *bucket) setRate(rate int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	switch {
	case b.rate == 0:
		b.balance.Store(perBurst(rate))
	case b.rate != rate:
		b.fill(now)
		if excess := b.balance.Load() - perBurst(rate); excess > 0 {
			b.balance.Add(-excess)
		}
	}
	b.rate, b.filled = rate, now
}

func perBurst(rate int64) int64 { return int64(float64(rate) * burst.Seconds()) }

// spend takes what has been used.
func (b *bucket) spend(fuel uint64) { b.balance.Add(-int64(fuel)) }

// solvent reports whether anything may be used. The clock is looked at only once nothing may.
func (b *bucket) solvent() bool { return b.balance.Load() > 0 }

// await waits until something may be used, or returns ErrExhausted or ctx's cause.
func (b *bucket) await(ctx context.Context) error {
	for !b.solvent() {
		wait, err := b.shortage(time.Now())
		if err != nil || wait == 0 {
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
	}
	return nil
}

// shortage fills the bucket and says how long to wait until something may be used.
func (b *bucket) shortage(now time.Time) (wait time.Duration, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fill(now)
	owed := -b.balance.Load()
	if owed < 0 {
		return 0, nil
	}
	if now.Sub(b.short) > rest {
		b.behind = now
	}
	b.short = now
	if now.Sub(b.behind) > patience {
		return 0, ErrExhausted
	}
	seconds := float64(owed+1) / float64(b.rate)
	return min(max(time.Duration(seconds*float64(time.Second)), shortestWait), longestWait), nil
}

// fill adds what has come since the bucket was last filled. mu is held.
func (b *bucket) fill(now time.Time) {
	room := perBurst(b.rate) - b.balance.Load()
	come := now.Sub(b.filled).Seconds() * float64(b.rate)
	b.filled = now
	if room > 0 && come > 0 {
		b.balance.Add(int64(min(come, float64(room))))
	}
}
