// Package simnet is a network in memory between the nodes of a region, for tests: links can be cut, both ways or one, and
// healed. What is on its way when a link is cut arrives after it has healed, as with TCP and QUIC, or never.
package simnet

import (
	"context"
	"sync"
)

// A Network joins nodes. It is safe for concurrent use.
type Network struct {
	mu    sync.Mutex
	nodes map[string]*Node
	// cut has the ways that nothing passes. Guarded by mu.
	cut map[way]bool
	// changed is closed and replaced when a way is cut or healed. Guarded by mu.
	changed chan struct{}
}

// A way is a link in one direction.
type way struct{ from, to string }

// New returns a network without nodes.
func New() *Network {
	return &Network{nodes: map[string]*Node{}, cut: map[way]bool{}, changed: make(chan struct{})}
}

// Node returns a new node, which takes the place of an earlier one of that name.
func (n *Network) Node(name string) *Node {
	n.mu.Lock()
	defer n.mu.Unlock()
	made := &Node{net: n, name: name, layers: map[uint32]*layer{}, handlers: map[string]handler{}}
	n.nodes[name] = made
	return made
}

// Cut lets nothing pass from one node to another any more.
func (n *Network) Cut(from, to string) { n.set(true, way{from, to}) }

// Part cuts both ways between the nodes of a and those of b.
func (n *Network) Part(a, b []string) {
	var ways []way
	for _, x := range a {
		for _, y := range b {
			ways = append(ways, way{x, y}, way{y, x})
		}
	}
	n.set(true, ways...)
}

// Heal undoes all cuts.
func (n *Network) Heal() {
	n.mu.Lock()
	defer n.mu.Unlock()
	clear(n.cut)
	n.notify()
}

func (n *Network) set(cut bool, ways ...way) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, w := range ways {
		n.cut[w] = cut
	}
	n.notify()
}

// notify requires mu.
func (n *Network) notify() {
	close(n.changed)
	n.changed = make(chan struct{})
}

// passes reports whether a way is open, and what is closed when that may change.
func (n *Network) passes(w way) (open bool, changed <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return !n.cut[w], n.changed
}

// await waits until a way is open.
func (n *Network) await(ctx context.Context, w way) error {
	for {
		open, changed := n.passes(w)
		if open {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-changed:
		}
	}
}

func (n *Network) node(name string) *Node {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.nodes[name]
}
