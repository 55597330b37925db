package mirror

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"weir/edge/internal/metrics"
	"weir/proto/weirpb"
)

// An Upstream is what a Mirror needs of a hub; see edge.Upstream.
type Upstream interface {
	WatchControl(ctx context.Context, deliver func(*weirpb.ControlUpdate) error) error
}

// A Mirror follows the control state. It is safe for concurrent use.
type Mirror struct {
	upstream Upstream
	log      *slog.Logger
	metrics  *metrics.Metrics

	state  atomic.Pointer[State]
	ready  chan struct{} // closed when there is a state
	cancel context.CancelFunc
	task   sync.WaitGroup
}

// New returns a Mirror.
func New(upstream Upstream, log *slog.Logger, m *metrics.Metrics) *Mirror {
	return &Mirror{upstream: upstream, log: log, metrics: m, ready: make(chan struct{})}
}

// Start begins to follow until Close, and calls changed with each new state, one call at a time. It is called once.
func (m *Mirror) Start(changed func(*State)) {
	ctx, cancel := context.WithCancel(context.Background())
	m.cancel = cancel
	m.task.Go(func() { m.follow(ctx, changed) })
}

// Close stops following.
func (m *Mirror) Close() {
	m.cancel()
	m.task.Wait()
}

// State returns the latest state, an empty one before there is any.
func (m *Mirror) State() *State {
	if s := m.state.Load(); s != nil {
		return s
	}
	return &State{}
}

// Ready waits until there is a state.
func (m *Mirror) Ready(ctx context.Context) error {
	select {
	case <-m.ready:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Waits between attempts to reach the hub, before jitter.
const (
	retryFirst   = 100 * time.Millisecond
	retryLongest = 5 * time.Second
)

// follow watches the control state, again and again. While the hub can't be reached the latest state goes on holding.
func (m *Mirror) follow(ctx context.Context, changed func(*State)) {
	wait := retryFirst
	for {
		err := m.upstream.WatchControl(ctx, func(u *weirpb.ControlUpdate) error {
			wait = retryFirst
			if err := m.take(u); err != nil {
				return err
			}
			changed(m.state.Load())
			return nil
		})
		if ctx.Err() != nil {
			return
		}
		m.metrics.ControlLosses.Inc()
		m.log.Warn("control state lost: the latest goes on holding until the hub answers again", "retry", wait.String(), "err", err)
		timer := time.NewTimer(wait/2 + rand.N(wait))
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		wait = min(2*wait, retryLongest)
	}
}

var errNoReset = errors.New("the hub did not begin with the whole control state")

func (m *Mirror) take(u *weirpb.ControlUpdate) error {
	old := m.state.Load()
	if old == nil {
		if !u.GetReset_() {
			return errNoReset
		}
		old = &State{}
	}
	first := m.state.Swap(old.apply(u)) == nil
	m.metrics.ControlIndex.Set(float64(u.GetIndex()))
	if first {
		close(m.ready)
	}
	return nil
}
