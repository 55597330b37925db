// Package canary watches the filter versions that a share of the subscriptions tries. One that fails is not tried any
// longer: on this edge at once, in its region as soon as the hub has been told.
package canary

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"weir/edge/internal/metrics"
	"weir/edge/internal/mirror"
	"weir/edge/internal/sieve"
	"weir/proto/weirpb"
)

// An Ender ends a canary in the whole region; see edge.Upstream.
type Ender interface {
	EndCanary(ctx context.Context, tenant, filter string, version uint32, sinceMs int64) error
}

// A Config says how to make a Watch. All fields are required.
type Config struct {
	// State returns the control state as it is now.
	State func() *mirror.State
	Ender Ender
	// Ended is told whose canary has just been ended here. It must not block for long.
	Ended   func(tenant string)
	Logger  *slog.Logger
	Metrics *metrics.Metrics
}

// A Watch knows which canaries have failed. It is safe for concurrent use.
type Watch struct {
	cfg    Config
	ctx    context.Context
	cancel context.CancelFunc
	task   sync.WaitGroup
	wake   chan struct{} // capacity 1

	mu sync.Mutex
	// suspects were suspended and are to be looked at. A version is there once, so there are at most as many as are open.
	suspects map[sieve.ID]struct{}
	// failed has when the trial began that failed: a later one of the same version is another.
	failed map[sieve.ID]int64
}

// Start returns a Watch, which works until Close.
func Start(cfg Config) *Watch {
	w := &Watch{cfg: cfg, wake: make(chan struct{}, 1), suspects: map[sieve.ID]struct{}{}, failed: map[sieve.ID]int64{}}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	w.task.Go(w.run)
	return w
}

// Close ends the Watch and waits for it.
func (w *Watch) Close() {
	w.cancel()
	w.task.Wait()
}

// Suspended says that a filter version has been suspended, whatever it is used for. It does not block.
func (w *Watch) Suspended(id sieve.ID) {
	w.mu.Lock()
	w.suspects[id] = struct{}{}
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// Failed reports whether a canary has failed here since it was made one.
func (w *Watch) Failed(v *weirpb.FilterVersion) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	since, failed := w.failed[idOf(v)]
	return failed && since == v.GetRoleSinceMs()
}

func idOf(v *weirpb.FilterVersion) sieve.ID {
	id := sieve.ID{Tenant: v.GetTenant(), Name: v.GetName(), Version: v.GetVersion()}
	copy(id.Digest[:], v.GetDigest())
	return id
}

// Forget drops what is known of canaries that a control state does not have any more.
func (w *Watch) Forget(state *mirror.State) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for id, since := range w.failed {
		if v := canaryOf(state, id); v.GetRoleSinceMs() != since {
			delete(w.failed, id)
		}
	}
}

// canaryOf returns the version with an id if it is a canary, else nil.
func canaryOf(state *mirror.State, id sieve.ID) *weirpb.FilterVersion {
	if v, _ := state.Trials(id.Tenant, id.Name); v != nil && idOf(v) == id {
		return v
	}
	return nil
}

func (w *Watch) run() {
	for {
		select {
		case <-w.wake:
		case <-w.ctx.Done():
			return
		}
		for _, v := range w.take() {
			w.end(v)
		}
	}
}

// take returns the suspects that are canaries, as failed from now on.
func (w *Watch) take() []*weirpb.FilterVersion {
	state := w.cfg.State()
	w.mu.Lock()
	defer w.mu.Unlock()
	var canaries []*weirpb.FilterVersion
	for id := range w.suspects {
		v := canaryOf(state, id)
		if since, known := w.failed[id]; v == nil || known && since == v.GetRoleSinceMs() {
			continue
		}
		w.failed[id] = v.GetRoleSinceMs()
		canaries = append(canaries, v)
	}
	clear(w.suspects)
	return canaries
}

// endTimeout bounds how long the hub is waited for. The canary has ended here already; other edges find out for themselves.
const endTimeout = 10 * time.Second

func (w *Watch) end(v *weirpb.FilterVersion) {
	log := w.cfg.Logger.With("tenant", v.GetTenant(), "filter", v.GetName(), "version", v.GetVersion())
	log.Error("canary failed: its subscriptions go back to the live version")
	w.cfg.Metrics.CanaryFailures.WithLabelValues(w.cfg.Metrics.Tenants.Label(v.GetTenant())).Inc()
	w.cfg.Ended(v.GetTenant())
	ctx, cancel := context.WithTimeout(w.ctx, endTimeout)
	defer cancel()
	if err := w.cfg.Ender.EndCanary(ctx, v.GetTenant(), v.GetName(), v.GetVersion(), v.GetRoleSinceMs()); err != nil {
		log.Warn("the hub could not be told that the canary failed: it has ended on this edge alone", "err", err)
	}
}
