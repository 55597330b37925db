package wire_test

import (
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"go.uber.org/goleak"

	"weir/deploy/internal/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A host is a socket that answers "ping N" with "pong N".
type host struct {
	conn *net.UDPConn
	got  chan string
}

func newHost(t *testing.T) *host {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	h := &host{conn: conn, got: make(chan string, 1024)}
	done := make(chan struct{})
	t.Cleanup(func() { _ = conn.Close(); <-done })
	go func() {
		defer close(done)
		buffer := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFromUDP(buffer)
			if err != nil {
				return
			}
			text := string(buffer[:n])
			h.got <- text
			if text[:4] == "ping" {
				_, _ = conn.WriteToUDP([]byte("pong"+text[4:]), from)
			}
		}
	}()
	return h
}

func (h *host) address() netip.AddrPort { return h.conn.LocalAddr().(*net.UDPAddr).AddrPort() }

func (h *host) send(t *testing.T, to netip.AddrPort, text string) {
	t.Helper()
	if _, err := h.conn.WriteToUDPAddrPort([]byte(text), to); err != nil {
		t.Fatal(err)
	}
}

func (h *host) expect(t *testing.T, want string) {
	t.Helper()
	select {
	case got := <-h.got:
		if got != want {
			t.Errorf("received %q, want %q", got, want)
		}
	case <-time.After(time.Minute):
		t.Errorf("%q does not arrive", want)
	}
}

// awaitLost waits until so many packets have been lost.
func awaitLost(t *testing.T, w *wire.Wire, want int) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); w.Lost() < want; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%d packets are lost, not %d", w.Lost(), want)
		}
	}
}

// pair returns two hosts on a wire, and b's outer address.
func pair(t *testing.T) (w *wire.Wire, a, b *host, toB netip.AddrPort) {
	t.Helper()
	w = wire.New(7)
	a, b = newHost(t), newHost(t)
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := w.Station("a", a.address()); err != nil {
		t.Fatal(err)
	}
	toB, err := w.Station("b", b.address())
	if err != nil {
		t.Fatal(err)
	}
	return w, a, b, toB
}

func TestBothDirections(t *testing.T) {
	_, a, b, toB := pair(t)
	a.send(t, toB, "ping 1")
	b.expect(t, "ping 1")
	a.expect(t, "pong 1")
}

func TestCutsOneDirection(t *testing.T) {
	w, a, b, toB := pair(t)
	w.Set("b", "a", wire.Fault{Cut: true})
	a.send(t, toB, "ping 1")
	b.expect(t, "ping 1")
	awaitLost(t, w, 1) // the answer
	w.Set("a", "b", wire.Fault{Cut: true})
	w.Set("b", "a", wire.Fault{})
	a.send(t, toB, "ping 2")
	awaitLost(t, w, 2)
	w.Heal()
	a.send(t, toB, "ping 3")
	b.expect(t, "ping 3")
	a.expect(t, "pong 3")
}

func TestDelays(t *testing.T) {
	w, a, b, toB := pair(t)
	const delay = 50 * time.Millisecond
	w.Set("a", "b", wire.Fault{Delay: delay})
	start := time.Now()
	a.send(t, toB, "ping 1")
	b.expect(t, "ping 1")
	a.expect(t, "pong 1")
	if took := time.Since(start); took < delay {
		t.Errorf("there and back took %v, the way there alone takes %v", took, delay)
	}
}

func TestLosesTheShareThatIsSaid(t *testing.T) {
	w, a, b, toB := pair(t)
	w.Set("a", "b", wire.Fault{Loss: 0.5})
	const sent = 100
	arrived := 0
	for i := range sent { // one at a time, so that no queue overflows
		before := w.Lost()
		a.send(t, toB, fmt.Sprintf("data %d", i))
		for got := false; !got && w.Lost() == before; runtime.Gosched() {
			select {
			case <-b.got:
				arrived++
				got = true
			default:
			}
		}
	}
	if arrived < sent/4 || arrived > sent*3/4 {
		t.Errorf("%d of %d arrive", arrived, sent)
	}
}

func TestStrangersAreAnyone(t *testing.T) {
	w, _, b, toB := pair(t)
	stranger := newHost(t)
	w.Set("*", "b", wire.Fault{Cut: true})
	stranger.send(t, toB, "ping 1")
	awaitLost(t, w, 1)
	w.Heal()
	stranger.send(t, toB, "ping 2")
	b.expect(t, "ping 2")
	stranger.expect(t, "pong 2")
}
