package filters

import (
	"sync"
	"sync/atomic"
	"time"
)

// Lines bound how many lines guests log: so many a second, over all Filters that share it. The zero value lets none
// through. It is safe for concurrent use.
type Lines struct {
	// Dropped, if set before the first use, is told of each line that is not let through. It must not block.
	Dropped func()
	most    atomic.Int64

	mu    sync.Mutex
	since time.Time // of the second at hand; guarded by mu
	taken int64     // lines in it; guarded by mu
}

// SetMost sets how many lines a second are let through.
func (l *Lines) SetMost(perSecond int) { l.most.Store(int64(perSecond)) }

// take reports whether a line is let through now.
func (l *Lines) take(now time.Time) bool {
	l.mu.Lock()
	if now.Sub(l.since) >= time.Second {
		l.since, l.taken = now, 0
	}
	l.taken++
	ok := l.taken <= l.most.Load()
	l.mu.Unlock()
	if !ok {
		l.drop()
	}
	return ok
}

// drop tells of a line that is not let through.
func (l *Lines) drop() {
	if l.Dropped != nil {
		l.Dropped()
	}
}
