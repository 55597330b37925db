package mirror

import (
	"context"
	"errors"
	"fmt"
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
	ControlIndex(ctx context.Context) (uint64, error)
}

// A Mirror follows the control state. It is safe for concurrent use.
type Mirror struct {
	upstream Upstream
	log      *slog.Logger
	metrics  *metrics.Metrics
	lookout  *lookout

	state  atomic.Pointer[State]
	ready  chan struct{} // closed when there is a state
	cancel context.CancelFunc
	task   sync.WaitGroup

	mu sync.Mutex
	// changed is closed and replaced with each state. Guarded by mu.
	changed chan struct{}
}

// New returns a Mirror.
func New(upstream Upstream, log *slog.Logger, m *metrics.Metrics) *Mirror {
	mirror := &Mirror{upstream: upstream, log: log, metrics: m, ready: make(chan struct{}), changed: make(chan struct{})}
	mirror.lookout = newLookout(m, mirror.look)
	return mirror
}

// Start begins to follow until Close, and calls changed with each state that has other records, one call at a time. It is called
// once.
func (m *Mirror) Start(changed func(*State)) {
	ctx, cancel := context.WithCancel(context.Background())
	m.cancel = cancel
	m.task.Go(func() { m.follow(ctx, changed) })
}

// Close stops following.
func (m *Mirror) Close() {
	m.cancel()
	m.lookout.close()
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

// CatchUp returns a state that has all that the region had answered to anybody before the call. Without it, what was made a
// moment ago may be missing: nodes and edges hear of it one after another. The error says why that can't be told.
func (m *Mirror) CatchUp(ctx context.Context) (*State, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, lookTimeout, errSlow)
	defer cancel()
	if err := m.lookout.wait(ctx); err != nil {
		return nil, err
	}
	return m.State(), nil
}

var errSlow = fmt.Errorf("the hub has not said within %v how far the control state is", lookTimeout)

// look asks the hub how far it is, and waits until the state is there. vain is whether it was.
func (m *Mirror) look(ctx context.Context) (vain bool, err error) {
	known := m.State().Index
	index, err := m.upstream.ControlIndex(ctx)
	if err != nil {
		return false, err
	}
	return index <= known, m.reach(ctx, index)
}

// reach waits until the state has the change of an index.
func (m *Mirror) reach(ctx context.Context, index uint64) error {
	for {
		m.mu.Lock()
		changed := m.changed
		m.mu.Unlock()
		if m.State().Index >= index {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("change %d of the control state has not arrived: %w", index, context.Cause(ctx))
		}
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
	var lost time.Time // zero: it is being followed, or has yet to be for the first time
	for {
		w := watch{mirror: m}
		err := m.upstream.WatchControl(ctx, func(u *weirpb.ControlUpdate) error {
			shown, err := w.take(ctx, u)
			if err != nil || !shown {
				return err
			}
			wait = retryFirst
			if !lost.IsZero() {
				m.log.Info("the control state is followed again", "after", time.Since(lost).Round(time.Millisecond))
				lost = time.Time{}
			}
			if u.GetReset_() || len(u.GetPut())+len(u.GetDelete()) > 0 || w.held {
				w.held = false
				changed(m.state.Load())
			}
			return nil
		})
		if ctx.Err() != nil {
			return
		}
		m.metrics.ControlLosses.Inc()
		m.logLoss(&lost, err)
		timer := time.NewTimer(wait/2 + rand.N(wait))
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
		wait = min(2*wait, retryLongest)
	}
}

// logLoss says once that the hub is lost, not with each attempt to reach it again.
func (m *Mirror) logLoss(lost *time.Time, err error) {
	if !lost.IsZero() {
		m.log.Debug("the control state can't be followed yet", "err", err)
		return
	}
	*lost = time.Now()
	if m.state.Load() == nil {
		m.log.Warn("no control state yet: clients are told to come back until the hub answers", "err", err)
		return
	}
	m.log.Warn("control state lost: the latest goes on holding until the hub answers again", "err", err)
}

// show makes a state the latest.
func (m *Mirror) show(s *State) {
	first := m.state.Swap(s) == nil
	m.metrics.ControlIndex.Set(float64(s.Index))
	if first {
		close(m.ready)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	close(m.changed)
	m.changed = make(chan struct{})
}

// A watch is what one call of WatchControl has told. A node of the hub may be behind the one that was watched before: what it
// tells is held back until it is where that one was, for sessions end whose tenant is gone.
type watch struct {
	mirror *Mirror
	told   *State // nil before the first update
	// held is whether something has been held back since the last state that was shown.
	held bool
	// asked is whether the node has said how far its region is; least is what it said.
	asked bool
	least uint64
}

var errNoReset = errors.New("the hub did not begin with the whole control state")

// take takes an update, and reports whether the latest state has it.
func (w *watch) take(ctx context.Context, u *weirpb.ControlUpdate) (shown bool, err error) {
	if w.told == nil {
		if !u.GetReset_() {
			return false, errNoReset
		}
		w.told = &State{}
	}
	w.told = w.told.apply(u)
	if known := w.mirror.state.Load(); known != nil && w.told.Index < known.Index {
		if err := w.confirm(ctx); err != nil {
			return false, err
		}
		if w.told.Index < min(w.least, known.Index) {
			w.held = true
			return false, nil
		}
	}
	w.mirror.show(w.told)
	return true, nil
}

// confirm asks, once, how far the region is: further than what is told, or there is a region now with an earlier state, as after
// one was restored from a backup.
func (w *watch) confirm(ctx context.Context) error {
	if w.asked {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	least, err := w.mirror.upstream.ControlIndex(ctx)
	if err != nil {
		return fmt.Errorf("the hub's node is at change %d of the control state, behind what is known here, and can't tell whether the region is: %w", w.told.Index, err)
	}
	w.asked, w.least = true, least
	return nil
}
