package transport

import (
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"weir/proto/fault"
)

// admission decides which connections are taken on. It is safe for concurrent use.
type admission struct {
	limits  Limits
	metrics *metrics

	mu          sync.Mutex
	draining    bool                 // guarded by mu
	connections int                  // guarded by mu
	newcomers   int                  // guarded by mu
	byAddress   map[netip.Prefix]int // newcomers of validated addresses, so no larger than newcomers; guarded by mu
}

func newAdmission(limits Limits, m *metrics) *admission {
	return &admission{limits: limits, metrics: m, byAddress: make(map[netip.Prefix]int)}
}

// A ticket is a connection's place, as a newcomer at first. Its methods may be called in any order and repeatedly.
type ticket struct {
	admission *admission
	address   netip.Prefix // zero: was not validated, so nobody is charged for it

	// Both are guarded by admission.mu.
	newcomer, gone bool
}

// enter takes a place for a connection from an address, or says why there is none. validated is whether the address is
// certain: else anybody could take the places of somebody else's address.
func (a *admission) enter(address netip.Addr, validated bool) (*ticket, *fault.Fault) {
	t := &ticket{admission: a, newcomer: true}
	if validated {
		t.address = network(address)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if f := a.refusal(t.address); f != nil {
		a.metrics.refused(f.Code)
		return nil, f
	}
	a.connections++
	a.newcomers++
	if t.address.IsValid() {
		a.byAddress[t.address]++
	}
	a.metrics.newcomers.Set(float64(a.newcomers))
	return t, nil
}

// refusal says why there is no place, nil if there is. The caller holds a.mu.
func (a *admission) refusal(address netip.Prefix) *fault.Fault {
	switch {
	case a.draining:
		return fault.New(fault.Draining, "this edge is about to stop").WithHint("connect again: another edge will answer").
			WithRetryAfter(comeBack(time.Second))
	case a.connections >= a.limits.Connections:
		return fault.New(fault.TooManySessions, "this edge is full").WithHint("connect again later").
			WithRetryAfter(comeBack(10 * time.Second))
	case a.newcomers >= a.limits.Newcomers:
		return fault.New(fault.TooManySessions, "too many clients are connecting to this edge").WithHint("connect again later").
			WithRetryAfter(comeBack(2 * time.Second))
	case address.IsValid() && a.byAddress[address] >= a.limits.AddressNewcomers:
		return fault.New(fault.TooManySessions, "too many clients are connecting from your network's address").
			WithHint("connect again later").WithRetryAfter(comeBack(2 * time.Second))
	}
	return nil
}

// comeBack spreads those who are refused together over twice the time, so that they do not come back together.
func comeBack(after time.Duration) time.Duration { return after + rand.N(after) }

// network returns what one customer of a network provider can choose from: an address, or a /64.
func network(address netip.Addr) netip.Prefix {
	address = address.Unmap().WithZone("")
	bits := address.BitLen()
	if address.Is6() {
		bits = 64
	}
	prefix, err := address.Prefix(bits)
	if err != nil { // no address at all
		return netip.Prefix{}
	}
	return prefix
}

// crowded reports whether there are so many newcomers that they should first prove that their address is theirs.
func (a *admission) crowded() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.newcomers >= a.limits.Newcomers/4
}

// drain refuses everybody from now on.
func (a *admission) drain() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.draining = true
}

// prove says that the client is no newcomer any more.
func (t *ticket) prove() {
	t.admission.mu.Lock()
	defer t.admission.mu.Unlock()
	t.settle()
}

// leave gives the place back.
func (t *ticket) leave() {
	t.admission.mu.Lock()
	defer t.admission.mu.Unlock()
	t.settle()
	if !t.gone {
		t.gone = true
		t.admission.connections--
	}
}

// settle ends the time as a newcomer. The caller holds admission.mu.
func (t *ticket) settle() {
	if !t.newcomer {
		return
	}
	t.newcomer = false
	a := t.admission
	a.newcomers--
	a.metrics.newcomers.Set(float64(a.newcomers))
	if !t.address.IsValid() {
		return
	}
	if a.byAddress[t.address]--; a.byAddress[t.address] == 0 {
		delete(a.byAddress, t.address)
	}
}
