package mesh

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"weir/hub/ca"
	"weir/hub/internal/metricstest"
)

func TestBothDialAtOnce(t *testing.T) {
	inRegion(t, 3, func(t *testing.T, r *region) {
		for _, n := range r.nodes {
			n.Handle("echo", echo)
		}
		var calls sync.WaitGroup
		for _, from := range r.nodes {
			for _, to := range r.nodes {
				if from != to {
					calls.Go(func() {
						if _, err := from.Call(t.Context(), to.name, "echo", nil); err != nil {
							t.Errorf("%s to %s: %v", from.name, to.name, err)
						}
					})
				}
			}
		}
		calls.Wait()
		for _, n := range r.nodes {
			for _, p := range n.everyPeer() {
				if live := len(p.live()); live < 1 || live > 2 {
					t.Errorf("%s has %d connections to %s", n.name, live, p.node)
				}
				if c := p.preferred(); c != nil && len(p.live()) == 2 && c.dialed != (n.name < p.node) {
					t.Errorf("%s prefers the wrong connection to %s", n.name, p.node)
				}
			}
		}
	})
}

// Both directions share the connection that is there.
func TestOneConnectionForBothDirections(t *testing.T) {
	inRegion(t, 2, func(t *testing.T, r *region) {
		a, b := r.nodes[0], r.nodes[1]
		a.Handle("echo", echo)
		b.Handle("echo", echo)
		for range 3 {
			if _, err := b.Call(t.Context(), "hub-1", "echo", nil); err != nil {
				t.Fatal(err)
			}
			if _, err := a.Call(t.Context(), "hub-2", "echo", nil); err != nil {
				t.Fatal(err)
			}
		}
		if a.connections() != 1 || b.connections() != 1 {
			t.Errorf("%d and %d connections", a.connections(), b.connections())
		}
	})
}

// noticed returns how long a reader waits until it hears that its peer is gone.
func noticed(t *testing.T, r *region, happens func(*node)) time.Duration {
	t.Helper()
	r.nodes[1].StreamLayer(1)
	ours, _ := r.pair()
	began := time.Now()
	happens(r.nodes[1])
	if _, err := ours.Read(make([]byte, 1)); err == nil || err == io.EOF && time.Since(began) > time.Second {
		t.Errorf("Read: %v", err)
	}
	return time.Since(began)
}

func TestADeadPeerIsNoticed(t *testing.T) {
	for name, test := range map[string]struct {
		limit   time.Duration
		happens func(*node)
	}{
		"vanished":      {1550 * time.Millisecond, func(n *node) { n.region.isolate(n, true) }},
		"shutting down": {50 * time.Millisecond, func(n *node) { n.shutdown() }},
	} {
		t.Run(name, func(t *testing.T) {
			inRegion(t, 2, func(t *testing.T, r *region) {
				took := noticed(t, r, test.happens)
				t.Log("noticed after", took)
				if took > test.limit {
					t.Errorf("noticed after %v", took)
				}
			})
		})
	}
}

// A node that was killed and is back says so as soon as it hears something on an old connection.
func TestARestartIsNoticed(t *testing.T) {
	inRegion(t, 2, func(t *testing.T, r *region) {
		b := r.nodes[1]
		b.StreamLayer(1)
		ours, _ := r.pair()
		if _, err := ours.Write([]byte("so that the handshake is well over")); err != nil {
			t.Fatal(err)
		}
		within(t, time.Second, "a while", func() bool { return r.nodes[0].everyPeer()[0].live()[0].conn.ConnectionStats().PacketsReceived > 8 })
		b.crash()
		b.start()
		began := time.Now()
		if _, err := ours.Write(make([]byte, 200)); err != nil { // a heartbeat
			t.Fatal(err)
		}
		_, err := ours.Read(make([]byte, 1))
		t.Logf("noticed after %v: %v", time.Since(began), err)
		if err == nil || time.Since(began) > 100*time.Millisecond {
			t.Errorf("noticed after %v: %v", time.Since(began), err)
		}
	})
}

// Whoever asks for a dead node all the time does not make the mesh do so, and is let through soon after it is back.
func TestDialingADeadNodeDoesNotSpin(t *testing.T) {
	inRegion(t, 2, func(t *testing.T, r *region) {
		a, b := r.nodes[0], r.nodes[1]
		b.Handle("echo", echo)
		r.isolate(b, true)
		r.sent()
		fails := 0
		began := time.Now()
		within(t, time.Minute, "thirty seconds", func() bool {
			if _, err := a.Call(t.Context(), "hub-2", "echo", nil); err != nil {
				fails++
			}
			return time.Since(began) > 30*time.Second
		})
		packets, _ := r.sent()
		dials := testutil.ToFloat64(a.metrics.dials.WithLabelValues("failed"))
		t.Logf("in 30 s: %d calls failed, %v attempts, %d packets", fails, dials, packets)
		if dials > 30 || packets > 200 || fails < 10 {
			t.Errorf("in 30 s: %d calls failed, %v attempts, %d packets", fails, dials, packets)
		}
		r.isolate(b, false)
		back := within(t, 5*time.Second, "a call gets through", func() bool {
			_, err := a.Call(t.Context(), "hub-2", "echo", nil)
			return err == nil
		})
		t.Log("a call gets through after", back)
		if lines := strings.Count(a.log.String(), "can't be reached"); lines != 1 {
			t.Errorf("%d lines of log", lines)
		}
	})
}

// A node of another region gets nowhere, in either direction, and both sides say why.
func TestAnotherAuthority(t *testing.T) {
	inRegion(t, 2, func(t *testing.T, r *region) {
		a, b := r.nodes[0], r.nodes[1]
		a.Handle("echo", echo)
		ours := r.authority.Certificates()
		b.shutdown()
		r.authority = r.newAuthority("other")
		b.identity = r.issue("hub-2")
		b.start()
		if _, err := b.Call(t.Context(), "hub-1", "echo", nil); !errors.Is(err, ca.ErrAuthority) {
			t.Errorf("the stranger does not know us: Call = %v", err)
		}
		if _, err := a.Call(t.Context(), "hub-2", "echo", nil); !errors.Is(err, ca.ErrAuthority) {
			t.Errorf("we don't know the stranger: Call = %v", err)
		}
		b.trust(append(r.authority.Certificates(), ours...))
		within(t, 2*time.Second, "the stranger knows us and is told that we don't know it", func() bool { // once the backoff has passed
			_, err := b.Call(t.Context(), "hub-1", "echo", nil)
			return err != nil && strings.Contains(err.Error(), "refuses this one's certificate")
		})
		if _, _, err := b.CallAddress(t.Context(), a.addr.String(), "echo", nil); err == nil || !strings.Contains(err.Error(), "refuses this one's certificate") {
			t.Errorf("the stranger knows us: CallAddress = %v", err)
		}
		if !strings.Contains(a.identityLog.String(), "made by none of the authorities") {
			t.Errorf("hub-1 has not said why: %s", a.identityLog.String())
		}
		if a.connections() != 0 {
			t.Error("there is a connection to the stranger")
		}
	})
}

func TestANameOfItsOwn(t *testing.T) {
	inRegion(t, 1, func(t *testing.T, r *region) {
		_, err := New(Config{Node: "hub-7", Identity: r.nodes[0].identity, Address: r.address})
		if err == nil || !strings.Contains(err.Error(), "weir ca issue hub hub-7") {
			t.Errorf("New = %v", err)
		}
	})
}

// Asking for ever more nodes does not take ever more memory.
func TestPeersAreBounded(t *testing.T) {
	inRegion(t, 2, func(t *testing.T, r *region) {
		a := r.nodes[0]
		r.nodes[1].Handle("echo", echo)
		if _, err := a.Call(t.Context(), "hub-2", "echo", nil); err != nil {
			t.Fatal(err)
		}
		for i := range 4 * maxNodes {
			if _, err := a.Call(t.Context(), fmt.Sprintf("nobody-%d", i), "echo", nil); err == nil {
				t.Error("somebody who is not there has answered")
			}
		}
		if n := len(a.everyPeer()); n > maxNodes {
			t.Errorf("%d nodes are remembered", n)
		}
		if a.connections() != 1 {
			t.Error("the connection to a node that is there was given up")
		}
	})
}

func TestMetricsAreDescribed(t *testing.T) {
	inRegion(t, 2, func(t *testing.T, r *region) {
		a, b := r.nodes[0], r.nodes[1]
		b.Handle("echo", echo)
		if _, err := a.Call(t.Context(), "hub-2", "echo", nil); err != nil {
			t.Fatal(err)
		}
		metricstest.Described(t, a.registry)
	})
}
