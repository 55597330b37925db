package session

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"weir/edge/internal/mirror"
	"weir/edge/token"
	"weir/proto/fault"
)

// Bounds of what waits until it is certain that there is not what it names. One look of the mirror's serves all who wait, so
// these bound memory alone, and keep one network or tenant from taking all places.
const (
	unsureClients, unsureClientsOfAddress = 1024, 128
	unsureRequests, unsureRequestsOfOne   = 4096, 512
)

// sure calls look with what is known of the region. Where look misses what may only not have been heard of yet, as what was made
// a moment ago at another node, it calls look again once all is known that had been answered to anybody before. So nobody is
// refused for good because this edge is late. Where that can't be told in time the fault is one to be tried again.
func (h *Host) sure(ctx context.Context, places *places, who string, look func(*mirror.State) error) error {
	err := look(h.cfg.Mirror.State())
	if !mayBeLate(err) {
		return err
	}
	if !places.take(who) {
		return withJitter(fault.New(fault.Busy, "too many wait already to be told whether there is what they name"))
	}
	defer places.leave(who)
	state, late := h.cfg.Mirror.CatchUp(ctx)
	switch {
	case late == nil:
		return look(state)
	case ctx.Err() != nil: // whoever asked has gone
		return context.Cause(ctx)
	}
	return retrySoon(fault.New(fault.Unavailable, "this edge can't tell at the moment whether it knows all that was made in its region").
		WithHint("try again; operators: see the edge's log").WithCause(late))
}

// mayBeLate reports whether err is a refusal of what may have been made a moment ago.
func mayBeLate(err error) bool {
	if err == nil {
		return false
	}
	switch fault.CodeOf(err) {
	case fault.TenantUnknown, fault.NamespaceUnknown, fault.FilterUnknown:
		return true
	}
	return errors.Is(err, token.ErrUnknownKey)
}

// retryUnsure is how long who could not be told is to wait at least, and twice that at most.
const retryUnsure = 500 * time.Millisecond

func retrySoon(f *fault.Fault) *fault.Fault {
	return f.WithRetryAfter(retryUnsure + rand.N(retryUnsure))
}

// places are those of who waits, bounded for all and for each.
type places struct {
	most, mostOfOne int

	mu    sync.Mutex
	taken int            // guarded by mu
	byWho map[string]int // guarded by mu
}

func newPlaces(most, mostOfOne int) *places {
	return &places{most: most, mostOfOne: mostOfOne, byWho: make(map[string]int)}
}

func (p *places) take(who string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken >= p.most || p.byWho[who] >= p.mostOfOne {
		return false
	}
	p.taken++
	p.byWho[who]++
	return true
}

func (p *places) leave(who string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken--
	if p.byWho[who]--; p.byWho[who] == 0 {
		delete(p.byWho, who)
	}
}

// network names what one customer of a network provider can choose addresses from: an IPv4 address, or a /64.
func (s *session) network() string {
	address := s.conn.RemoteAddr().Addr().Unmap().WithZone("")
	if address.Is6() {
		prefix, _ := address.Prefix(64)
		address = prefix.Addr()
	}
	return address.String()
}
