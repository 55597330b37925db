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
}

// A relay passes on what comes for a node, under an address of its own for each sender. A place is an address for good, whichever
// process is there.
type relay struct {
	wires *wires
	place string
	node  string // the node's own address
	front *net.UDPConn

	mu    sync.Mutex
	backs map[string]*net.UDPConn // by sender; guarded by mu
	tasks sync.WaitGroup
}

// wired makes a cluster's nodes talk over real sockets. It comes before anything is started.
func wired(c *cluster) *wires {
	w := &wires{t: c.t, dir: c.t.TempDir(), relays: map[string]*relay{}, cut: map[string]bool{}}
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
		r = &relay{wires: w, place: place, node: own.LocalAddr().String(), front: front, backs: map[string]*net.UDPConn{}}
		if err := own.Close(); err != nil { // the node takes the address
			w.t.Fatal(err)
		}
		w.relays[place] = r
		r.tasks.Go(r.forth)
	}
	return r.front.LocalAddr().String()
}

// Cut cuts a place off from all others, or heals.
func (w *wires) Cut(place string, cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut[place] = cut
}

// lost reports whether a packet from an address to a place is.
func (w *wires) lost(from, to string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for place, cut := range w.cut {
		if cut && (place == to || w.relays[place].node == from) {
			return true
		}
	}
	return false
}

// forth passes packets on to the node.
func (r *relay) forth() {
	buffer := make([]byte, 1<<16)
	for {
		n, from, err := r.front.ReadFromUDP(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || r.wires.lost(from.String(), r.place) {
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
			if err == nil && !r.wires.lost(sender.String(), r.place) {
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
