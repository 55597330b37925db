package mirror

import (
	"context"
	"sync"
	"time"

	"weir/edge/internal/metrics"
)

// Bounds of asking the hub how far its control state is. Whoever shows up with names that there are not must not have an edge ask
// for each.
const (
	// lookTimeout is how long the hub may take to answer, and then to tell what is missing: a change of its leader takes about a
	// second.
	lookTimeout = 2 * time.Second
	// lookInterval is between two questions that turn out to have been in vain, in the long run, and looksAtOnce how many of
	// those may come before that holds.
	lookInterval = 500 * time.Millisecond
	looksAtOnce  = 10
)

// A lookout asks the hub how far the control state is, once for all who want to know: one question is under way at a time, and
// whoever comes later waits for the next, as what they name may have been made since.
type lookout struct {
	ask     func(ctx context.Context) (vain bool, err error)
	metrics *metrics.Metrics

	running context.Context // ends with close
	cancel  context.CancelFunc
	asking  sync.WaitGroup
	// turn has room for the question that is under way. Who has it has paid, too.
	turn chan struct{}
	// paid is until when questions in vain are paid for, looksAtOnce ahead of time at most.
	paid time.Time

	mu     sync.Mutex
	next   *look // has not begun, and may be joined; nil: there is none. Guarded by mu.
	closed bool  // guarded by mu
}

// A look is one question. err is set before done is closed.
type look struct {
	done chan struct{}
	err  error
}

func newLookout(m *metrics.Metrics, ask func(ctx context.Context) (vain bool, err error)) *lookout {
	l := &lookout{ask: ask, metrics: m, turn: make(chan struct{}, 1)}
	l.running, l.cancel = context.WithCancel(context.Background())
	return l
}

func (l *lookout) close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.cancel()
	l.asking.Wait()
}

// wait returns when a question that began after the call is answered, or when ctx ends.
func (l *lookout) wait(ctx context.Context) error {
	l.mu.Lock()
	next := l.next
	if next == nil {
		if l.closed {
			l.mu.Unlock()
			return context.Canceled
		}
		next = &look{done: make(chan struct{})}
		l.next = next
		l.asking.Go(func() { l.begin(next) })
	}
	l.mu.Unlock()
	select {
	case <-next.done:
		return next.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// begin waits for its turn, after which nobody can join any more, and asks.
func (l *lookout) begin(one *look) {
	l.turn <- struct{}{}
	defer func() { <-l.turn }()
	defer close(one.done)
	one.err = l.pause()
	l.mu.Lock()
	l.next = nil
	l.mu.Unlock()
	if one.err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(l.running, lookTimeout)
	defer cancel()
	var vain bool
	vain, one.err = l.ask(ctx)
	result := "late"
	switch {
	case one.err != nil:
		result = "failed"
	case vain:
		result = "current"
	}
	if result != "late" {
		l.paid = later(l.paid, time.Now()).Add(lookInterval)
	}
	l.metrics.ControlLooks.WithLabelValues(result).Inc()
}

// pause waits until another question may be asked.
func (l *lookout) pause() error {
	timer := time.NewTimer(time.Until(l.paid.Add(-(looksAtOnce - 1) * lookInterval)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-l.running.Done():
		return context.Cause(l.running)
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
