package sieve

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"weir/proto/fault"
)

// ErrSuspended is returned instead of calling a filter that has failed too often lately.
var ErrSuspended = fault.New(fault.FilterFailed, "the filter is suspended after repeated failures")

const (
	// tolerated is how many calls in a row may fail before the filter is suspended. With calls of at most some 50 ms, a
	// filter that only ever times out costs its edge a few per cent of one CPU.
	tolerated = 5
	// A suspension lasts firstSuspension, and twice as long each time that the first call after it fails again.
	firstSuspension = 5 * time.Second
	longSuspension  = time.Minute
)

// A breaker stops calling what fails in a row. Many channels may report at once; that the count is then a little off
// does no harm.
type breaker struct {
	log         *slog.Logger
	suspensions prometheus.Counter

	failed  atomic.Int32 // calls in a row
	until   atomic.Int64 // nanoseconds since the Unix epoch; 0: not suspended
	lengths atomic.Int32 // suspensions in a row
}

// allows reports whether to call the filter. After a suspension every call may go ahead again until one fails.
func (b *breaker) allows(now time.Time) bool {
	until := b.until.Load()
	return until == 0 || now.UnixNano() >= until
}

// report takes note of how a call went, and reports whether that has suspended the filter.
func (b *breaker) report(now time.Time, err error) (suspended bool) {
	if err == nil {
		if b.failed.Load() != 0 {
			b.restore()
		}
		return false
	}
	if b.failed.Add(1) < tolerated {
		return false
	}
	until := b.until.Load()
	if now.UnixNano() < until {
		return false // a call that had begun before the suspension
	}
	length := min(longSuspension, firstSuspension<<min(b.lengths.Load(), 8))
	if !b.until.CompareAndSwap(until, now.Add(length).UnixNano()) {
		return false
	}
	b.lengths.Add(1)
	b.suspensions.Inc()
	b.log.Warn("filter suspended: the failure policy decides until it is tried again", "for", length.String(), "err", err)
	return true
}

func (b *breaker) restore() {
	b.failed.Store(0)
	if b.until.Swap(0) != 0 {
		b.lengths.Store(0)
		b.log.Info("filter works again")
	}
}
