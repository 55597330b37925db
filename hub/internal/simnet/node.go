package simnet

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/raft"
)

// A Node is one node's end of the network. Its address is its name.
type Node struct {
	net  *Network
	name string

	mu       sync.Mutex
	layers   map[uint32]*layer  // by group; guarded by mu
	handlers map[string]handler // by method; guarded by mu
	admit    admission          // nil: everybody; guarded by mu
}

type admission func(node string, group uint32) error

type handler func(ctx context.Context, from string, request []byte) ([]byte, error)

// StreamLayer carries a group's streams.
func (n *Node) StreamLayer(group uint32) raft.StreamLayer {
	n.mu.Lock()
	defer n.mu.Unlock()
	l := &layer{node: n, group: group, accepted: make(chan net.Conn, backlog), closed: make(chan struct{})}
	n.layers[group] = l
	return l
}

// Admit has admit say why another node must not open a stream for a group, nil if it may.
func (n *Node) Admit(admit func(node string, group uint32) error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.admit = admit
}

// Handle has h answer calls of a method.
func (n *Node) Handle(method string, h func(ctx context.Context, from string, request []byte) ([]byte, error)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.handlers[method] = h
}

// Call calls a method of a node.
func (n *Node) Call(ctx context.Context, node, method string, request []byte) ([]byte, error) {
	if err := n.net.await(ctx, way{n.name, node}); err != nil {
		return nil, err
	}
	h, err := n.handlerOf(node, method)
	if err != nil {
		return nil, err
	}
	response, err := h(ctx, n.name, request)
	if cut := n.net.await(ctx, way{node, n.name}); cut != nil {
		return nil, cut
	}
	return response, err
}

// CallAddress calls a method of the node at an address, which is its name.
func (n *Node) CallAddress(ctx context.Context, addr, method string, request []byte) (string, []byte, error) {
	response, err := n.Call(ctx, addr, method, request)
	return addr, response, err
}

func (n *Node) handlerOf(node, method string) (handler, error) {
	to := n.net.node(node)
	if to == nil {
		return nil, fmt.Errorf("there is no node %q", node)
	}
	to.mu.Lock()
	defer to.mu.Unlock()
	if h := to.handlers[method]; h != nil {
		return h, nil
	}
	return nil, fmt.Errorf("node %q has no method %q", node, method)
}

// backlog is how many streams may wait to be accepted.
const backlog = 64

// A layer is a group's streams of one node.
type layer struct {
	node     *Node
	group    uint32
	accepted chan net.Conn
	closed   chan struct{}
	closing  sync.Once

	mu      sync.Mutex
	streams []net.Conn // all of its ends, closed ones too; guarded by mu
}

type address string

func (address) Network() string  { return "simnet" }
func (a address) String() string { return string(a) }

// Addr is the node's name.
func (l *layer) Addr() net.Addr { return address(l.node.name) }

// Accept returns the next stream that another node has opened.
func (l *layer) Accept() (net.Conn, error) {
	select {
	case c := <-l.accepted:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close ends Accept and all streams.
func (l *layer) Close() error {
	l.closing.Do(func() { close(l.closed) })
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.streams {
		_ = c.Close() // can't fail
	}
	return nil
}

// keep has an end of a stream end with the layer.
func (l *layer) keep(c net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.streams = append(l.streams, c)
	select {
	case <-l.closed:
		_ = c.Close() // can't fail
	default:
	}
}

// Dial opens a stream to a node.
func (l *layer) Dial(to raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	peer := string(to)
	for _, w := range []way{{l.node.name, peer}, {peer, l.node.name}} {
		if err := l.node.net.await(ctx, w); err != nil {
			return nil, fmt.Errorf("dial %s: %w", peer, err)
		}
	}
	other := l.node.net.node(peer).layer(l.group)
	if other == nil {
		return nil, fmt.Errorf("dial %s: it has no group %d", peer, l.group)
	}
	if err := l.node.net.node(peer).admits(l.node.name, l.group); err != nil {
		return nil, fmt.Errorf("dial %s: %w", peer, err)
	}
	here, there := l.node.net.pipe(l.node.name, peer)
	l.keep(here)
	other.keep(there)
	select {
	case <-other.closed:
		return nil, fmt.Errorf("dial %s: %w", peer, net.ErrClosed)
	case other.accepted <- there:
		return here, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("dial %s: %w", peer, ctx.Err())
	}
}

func (n *Node) layer(group uint32) *layer {
	if n == nil {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.layers[group]
}

func (n *Node) admits(node string, group uint32) error {
	n.mu.Lock()
	admit := n.admit
	n.mu.Unlock()
	if admit == nil {
		return nil
	}
	return admit(node, group)
}
