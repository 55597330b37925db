// Package session speaks with clients, as proto/SPEC.md says: one session per connection, from HELLO to GOODBYE.
package session

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"weir/edge/internal/fanout"
	"weir/edge/internal/metrics"
	"weir/edge/internal/mirror"
	"weir/edge/internal/transport"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

// An Upstream is what sessions need of a hub; see edge.Upstream.
type Upstream interface {
	History(ctx context.Context, request *weirpb.HistoryRequest) (*weirpb.HistoryResponse, error)
	Publish(tenant string, p *weirpb.Publication, done func(*weirpb.Receipt, error))
}

// A Config says how to make a Host. All fields but CanaryFailed are required.
type Config struct {
	// Agent is the name and version that clients are told.
	Agent    string
	Upstream Upstream
	Mirror   *mirror.Mirror
	Shelf    *mirror.Shelf
	Table    *fanout.Table
	Logger   *slog.Logger
	Metrics  *metrics.Metrics
	// CanaryFailed reports whether a canary has failed on this edge, so that nobody tries it. Nil: none ever does.
	CanaryFailed func(*weirpb.FilterVersion) bool
	// Sessions and TenantSessions bound the clients at once: all, and those of one tenant.
	Sessions, TenantSessions int
	// Explain lets every client ask for explanations; else those may whose tokens say so.
	Explain bool
}

// A Host serves the sessions of an edge. It is safe for concurrent use.
type Host struct {
	cfg     Config
	buffers buffers
	// explaining has room for the explanations that are given at once.
	explaining chan struct{}
	// strangers are clients that wait for being welcomed, asking is requests of sessions; see sure.
	strangers, asking *places

	mu       sync.Mutex
	sessions map[*session]struct{} // all connections, greeted or not
	tenants  map[string]int        // greeted sessions by tenant
	refusing *fault.Fault          // what newcomers are told; nil: welcome
	quiet    chan struct{}         // closed when the last session has gone; nil while nobody waits
	running  sync.WaitGroup
}

// NewHost returns a Host.
func NewHost(cfg Config) *Host {
	return &Host{
		cfg: cfg, sessions: make(map[*session]struct{}), tenants: make(map[string]int),
		explaining: make(chan struct{}, explainingMost),
		strangers:  newPlaces(unsureClients, unsureClientsOfAddress), asking: newPlaces(unsureRequests, unsureRequestsOfOne),
	}
}

// Serve is the transport.Handler of the sessions.
func (h *Host) Serve(ctx context.Context, conn transport.Conn) {
	s := newSession(ctx, h, conn)
	if f := h.add(s); f != nil {
		s.refuse(f)
		s.wait()
		return
	}
	defer h.remove(s)
	s.serve()
}

// retryRefused is how long a refused client is told to wait at least, and twice that at most: apart, so that they do not
// come back together.
const retryRefused = 2 * time.Second

func (h *Host) add(s *session) *fault.Fault {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.refusing != nil {
		return withJitter(h.refusing)
	}
	if len(h.sessions) >= h.cfg.Sessions {
		return withJitter(fault.New(fault.TooManySessions, "this edge serves %d clients, as many as it may", len(h.sessions)))
	}
	h.sessions[s] = struct{}{}
	h.running.Add(1)
	return nil
}

func withJitter(f *fault.Fault) *fault.Fault {
	return f.WithRetryAfter(retryRefused + rand.N(retryRefused))
}

func (h *Host) remove(s *session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.sessions, s)
	if s.counted != "" {
		h.tenants[s.counted]--
		if h.tenants[s.counted] == 0 {
			delete(h.tenants, s.counted)
		}
	}
	if len(h.sessions) == 0 && h.quiet != nil {
		close(h.quiet)
		h.quiet = nil
	}
	h.running.Done()
}

// greet counts a session as one of its tenant's.
func (h *Host) greet(s *session, tenant string) *fault.Fault {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.refusing != nil {
		return withJitter(h.refusing)
	}
	if n := h.tenants[tenant]; n >= h.cfg.TenantSessions {
		return withJitter(fault.New(fault.TooManySessions, "this edge serves %d clients of this tenant, as many as it may", n))
	}
	h.tenants[tenant]++
	s.counted = tenant
	return nil
}

func (h *Host) all() []*session {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]*session, 0, len(h.sessions))
	for s := range h.sessions {
		all = append(all, s)
	}
	return all
}

// Recheck holds all sessions against a new control state: those whose tenant is gone end, those whose signing key is
// gone end unless they are given a newer token in time.
func (h *Host) Recheck(state *mirror.State) {
	for _, s := range h.all() {
		s.recheck(state)
	}
}

// Outdate has the subscriptions of a tenant looked at: the filter versions that serve them may be others now.
func (h *Host) Outdate(tenant string) {
	for _, s := range h.all() {
		if claims := s.claims.Load(); claims != nil && claims.Tenant == tenant {
			s.outdate()
		}
	}
}

var errDraining = fault.New(fault.Draining, "this edge is going away").WithHint("connect again: another edge will answer")

// drainEach is how far apart clients are told to go where they are few: a hundred a second are nothing to other edges.
const drainEach = 10 * time.Millisecond

// Drain tells all clients to come back elsewhere, evenly spread over a time, less if they are few, and refuses new ones from
// now on. It returns when the last has gone, or ctx's cause.
func (h *Host) Drain(ctx context.Context, over time.Duration) error {
	h.mu.Lock()
	h.refusing = errDraining
	quiet := make(chan struct{})
	if len(h.sessions) == 0 {
		close(quiet)
	} else if h.quiet != nil {
		quiet = h.quiet
	} else {
		h.quiet = quiet
	}
	h.mu.Unlock()
	all := h.all()
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	over = min(over, drainEach*time.Duration(len(all)))
	for i, s := range all {
		s.endAfter(over*time.Duration(i)/time.Duration(len(all)), withJitter(errDraining))
	}
	select {
	case <-quiet:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Close ends all sessions, and waits for them.
func (h *Host) Close() {
	h.mu.Lock()
	h.refusing = errDraining
	h.mu.Unlock()
	for _, s := range h.all() {
		s.end(withJitter(errDraining))
	}
	h.running.Wait()
}
