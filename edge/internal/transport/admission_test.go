package transport

import (
	"fmt"
	"net/http"
	"net/netip"
	"testing"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"weir/proto/fault"
	"weir/proto/frame"
)

func testAdmission(t *testing.T, limits Limits) *admission {
	t.Helper()
	m, err := newMetrics(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	return newAdmission(limits.withDefaults(), m)
}

func enter(t *testing.T, a *admission, address string, validated bool) *ticket {
	t.Helper()
	ticket, f := a.enter(netip.MustParseAddr(address), validated)
	if f != nil {
		t.Fatalf("%s is refused: %v", address, f)
	}
	return ticket
}

func full(t *testing.T, a *admission, address string, validated bool, code fault.Code) {
	t.Helper()
	ticket, f := a.enter(netip.MustParseAddr(address), validated)
	if f == nil {
		ticket.leave()
		t.Fatalf("%s is accepted", address)
	}
	if f.Code != code || f.RetryAfter == 0 {
		t.Errorf("%s is refused with %v after %s", address, f, f.RetryAfter)
	}
}

func TestNewcomersAreBounded(t *testing.T) {
	a := testAdmission(t, Limits{Newcomers: 4})
	if a.crowded() {
		t.Error("crowded with nobody there")
	}
	first := enter(t, a, "192.0.2.1", false)
	if !a.crowded() {
		t.Error("a quarter of the newcomers is no crowd")
	}
	for range 3 {
		enter(t, a, "192.0.2.1", false)
	}
	full(t, a, "192.0.2.2", true, fault.TooManySessions)
	first.prove()
	first.prove()
	enter(t, a, "192.0.2.2", true)
	full(t, a, "192.0.2.2", true, fault.TooManySessions)
	first.leave() // it is no newcomer any more, so there is no place for another
	full(t, a, "192.0.2.2", true, fault.TooManySessions)
	a.drain()
	full(t, a, "192.0.2.2", true, fault.Draining)
}

func TestConnectionsAreBounded(t *testing.T) {
	a := testAdmission(t, Limits{Connections: 2})
	first := enter(t, a, "192.0.2.1", true)
	first.prove()
	enter(t, a, "192.0.2.1", true).prove()
	full(t, a, "192.0.2.1", true, fault.TooManySessions)
	first.leave()
	first.leave()
	enter(t, a, "192.0.2.1", true)
	full(t, a, "192.0.2.1", true, fault.TooManySessions)
}

func TestAddressesAreBounded(t *testing.T) {
	a := testAdmission(t, Limits{AddressNewcomers: 2})
	first := enter(t, a, "2001:db8::1", true)
	enter(t, a, "2001:db8::2", true) // the same customer
	full(t, a, "2001:db8::3", true, fault.TooManySessions)
	enter(t, a, "2001:db8:0:1::1", true)
	enter(t, a, "2001:db8::3", false) // who knows whose it is
	first.prove()
	enter(t, a, "2001:db8::3", true)
	enter(t, a, "192.0.2.1", true)
	enter(t, a, "::ffff:192.0.2.1", true)
	full(t, a, "192.0.2.1", true, fault.TooManySessions)
}

func TestAdmissionForgets(t *testing.T) {
	a := testAdmission(t, Limits{})
	var tickets []*ticket
	for i := range 100 {
		tickets = append(tickets, enter(t, a, fmt.Sprintf("192.0.2.%d", i), i%2 == 0))
	}
	for i, ticket := range tickets {
		if i%3 == 0 {
			ticket.prove()
		}
		ticket.leave()
	}
	if a.connections != 0 || a.newcomers != 0 || len(a.byAddress) != 0 {
		t.Errorf("left: %d connections, %d newcomers, %v", a.connections, a.newcomers, a.byAddress)
	}
}

// Clients that say nothing fill the newcomers' places, and no more; those who have proved who they are don't count.
func TestNewcomersOverTheWire(t *testing.T) {
	both(t, func(t *testing.T, dial func(*testing.T, *running) *peer) {
		r := start(t, Config{Limits: Limits{Newcomers: 2}}, echo)
		proved := dial(t, r)
		proved.send(frame.Ping, "a")
		proved.expect(frame.Ping, "a")
		for range 2 {
			silent(t, r)
		}
		_, response, err := websocket.Dial(dialContext(t), r.url(), &websocket.DialOptions{HTTPClient: httpClient(t), Subprotocols: []string{Subprotocol}})
		if err == nil {
			t.Fatal("a third newcomer is accepted")
		}
		refusedWith(t, response, http.StatusServiceUnavailable, fault.TooManySessions)
		if response.Header.Get("Retry-After") == "" {
			t.Error("nobody says when to come back")
		}
		if _, _, err := openWebTransport(t, r, nil, Subprotocol); err == nil {
			t.Error("a third newcomer is accepted over QUIC")
		}
		proved.send(frame.Ping, "b")
		proved.expect(frame.Ping, "b")
	})
}

// silent opens a session and no control stream: nothing proves who the client is.
func silent(t *testing.T, r *running) {
	t.Helper()
	if _, _, err := openWebTransport(t, r, nil, Subprotocol); err != nil {
		t.Fatal(err)
	}
}

// In a crowd, QUIC clients show that their address is theirs, and are served nevertheless.
func TestRetry(t *testing.T) {
	r := start(t, Config{Limits: Limits{Newcomers: 8}}, echo)
	for range 2 {
		silent(t, r)
	}
	p := dialWebTransport(t, r)
	p.send(frame.Ping, "a")
	p.expect(frame.Ping, "a")
	if n := testutil.ToFloat64(r.metrics.retries); n == 0 {
		t.Error("nobody had to show anything")
	}
}

func TestPlacesAreGivenBack(t *testing.T) {
	r := start(t, Config{}, echo)
	for _, dial := range []func(*testing.T, *running) *peer{dialWebTransport, dialWebSocket} {
		p := dial(t, r)
		p.send(frame.Ping, "a")
		p.expect(frame.Ping, "a")
		p.close()
	}
	r.stop()
	a := r.admission
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.connections != 0 || a.newcomers != 0 {
		t.Errorf("left: %d connections, %d newcomers", a.connections, a.newcomers)
	}
}
