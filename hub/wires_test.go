package hub

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"weir/hub/ca"
)

// wires are a region's QUIC connections over loopback, through relays that can be cut.
type wires struct {
	t         testing.TB
	dir       string
	authority *ca.Authority

	mu     sync.Mutex
	relays map[string]*relay // by place; guarded by mu
	cut    map[string]bool   // places that no packet comes to or from; guarded by mu
	budget map[string]int    // bytes that come to a place before it is cut off, where it is there; guarded by mu
	came   map[string]int    // bytes that have come to a place; guarded by mu
}

// A relay passes on what comes for a node, under an address of its own for each sender. A place is an address for good, whichever
// process is there.
type relay struct {
	wires *wires
	node  string // the node's own address
	front *net.UDPConn

	mu    sync.Mutex
	backs map[string]*net.UDPConn // by sender; guarded by mu
	tasks sync.WaitGroup
}

// wired makes a cluster's nodes talk over real sockets. It comes before anything is started.
func wired(c *cluster) *wires {
	w := &wires{t: c.t, dir: c.t.TempDir(), relays: map[string]*relay{}, cut: map[string]bool{}, budget: map[string]int{}, came: map[string]int{}}
	var err error
	if w.authority, err = ca.Create(filepath.Join(w.dir, "ca"), time.Now()); err != nil {
		c.t.Fatal(err)
	}
	c.wires = w
	for i := range c.peers {
		c.peers[i].Addresses = c.addresses(c.peers[i].ID)
	}
	c.t.Cleanup(func() {
		c.close() // before the relays end
		for _, r := range w.relays {
			r.close()
		}
	})
	return w
}

// relay returns the address at which others reach a place.
func (w *wires) relay(place string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.relays[place]
	if r == nil {
		front, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			w.t.Fatal(err)
		}
		own, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			w.t.Fatal(err)
		}
		r = &relay{wires: w, node: own.LocalAddr().String(), front: front, backs: map[string]*net.UDPConn{}}
		if err := own.Close(); err != nil { // the node takes the address
			w.t.Fatal(err)
		}
		w.relays[place] = r
		r.tasks.Go(r.forth)
	}
	return r.front.LocalAddr().String()
}

// cutAfter cuts a place off from all others once so many more bytes have come there, and heals until then.
func (w *wires) cutAfter(place string, bytes int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut[place], w.budget[place] = false, bytes
}

// heal lets all pass.
func (w *wires) heal(place string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.cut, place)
	delete(w.budget, place)
}

func (w *wires) isCut(place string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cut[place]
}

// arrived returns how many bytes have come to a place.
func (w *wires) arrived(place string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.came[place]
}

// passes reports whether a packet from one address to another does.
func (w *wires) passes(from, to string, bytes int) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for place, r := range w.relays {
		if r.node != from && r.node != to {
			continue
		}
		if w.cut[place] {
			return false
		}
		if r.node != to {
			continue
		}
		w.came[place] += bytes
		if left, ok := w.budget[place]; ok {
			w.budget[place] = left - bytes
			w.cut[place] = left <= bytes
		}
	}
	return true
}

// forth passes packets on to the node.
func (r *relay) forth() {
	buffer := make([]byte, 1<<16)
	for {
		n, from, err := r.front.ReadFromUDP(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || !r.wires.passes(from.String(), r.node, n) {
			continue
		}
		if back, err := r.back(from); err == nil {
			_, _ = back.Write(buffer[:n]) // fails while the node is down
		}
	}
}

func (r *relay) back(sender *net.UDPAddr) (*net.UDPConn, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c := r.backs[sender.String()]; c != nil {
		return c, nil
	}
	to, err := net.ResolveUDPAddr("udp", r.node)
	if err != nil {
		return nil, err
	}
	c, err := net.DialUDP("udp", nil, to)
	if err != nil {
		return nil, err
	}
	r.backs[sender.String()] = c
	r.tasks.Go(func() {
		buffer := make([]byte, 1<<16)
		for {
			n, err := c.Read(buffer)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil && r.wires.passes(r.node, sender.String(), n) {
				_, _ = r.front.WriteToUDP(buffer[:n], sender)
			}
		}
	})
	return c, nil
}

func (r *relay) close() {
	_ = r.front.Close()
	r.mu.Lock()
	for _, c := range r.backs {
		_ = c.Close()
	}
	r.mu.Unlock()
	r.tasks.Wait()
}

// connect joins a node at a place with the others.
func (w *wires) connect(node, place string) func(func(string) (string, bool)) (Transport, error) {
	return func(resolve func(string) (string, bool)) (Transport, error) {
		dir := filepath.Join(w.dir, node)
		now := time.Now()
		if _, err := w.authority.Issue(dir, ca.Request{Name: ca.Name{Role: ca.Hub, Node: node}, Life: time.Hour}, now); err != nil {
			return nil, err
		}
		identity, err := ca.Open(ca.Config{Dir: dir, Role: ca.Hub, Logger: testLogger()})
		if err != nil {
			return nil, err
		}
		w.relay(place)
		w.mu.Lock()
		addr := w.relays[place].node
		w.mu.Unlock()
		conn, err := net.ListenPacket("udp", addr)
		if err != nil {
			return nil, fmt.Errorf("listen where the node was before: %w", err)
		}
		return Mesh(MeshConfig{Node: node, Identity: identity, Conn: conn, Logger: testLogger().With("node", place)})(resolve)
	}
}
