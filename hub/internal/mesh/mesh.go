// Package mesh is a hub node's QUIC connections to its region's other nodes, with certificates on both sides. All Raft
// groups share them: each gets a raft.StreamLayer, whose connections are streams. Small calls between nodes go there, too.
package mesh

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"

	"github.com/hashicorp/raft"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/quic-go/quic-go"

	"weir/hub/ca"
)

// Config says whose mesh it is and where the others are. Node, Identity and Address are required.
type Config struct {
	// Node is this node's name, the one in its certificate.
	Node     string
	Identity *ca.Identity
	// Address returns where a node is now, as HOST:PORT of its UDP socket. It is asked before each attempt to connect.
	Address func(node string) (addr string, ok bool)
	// Admit reports why a node must not take part in a Raft group, nil if it may. It is asked for every stream that a node
	// opens for the group. Nil admits every hub node of the region: whoever has a certificate.
	Admit func(node string, group uint32) error
	// Incarnation returns what tells this node from another process that has, or had, its name: a word of up to 64 of a-z, 0-9
	// and ._-. Nil: nobody is told.
	Incarnation func() string
	// Recognise reports why a process is not the node that its certificate says it is, nil if it is. It is asked for every
	// connection. Nil takes all for what they say.
	Recognise func(node, incarnation string) error
	// Logger: nil is slog.Default().
	Logger *slog.Logger
	// Registerer receives the metrics of METRICS.md. Nil: none are exported.
	Registerer prometheus.Registerer
}

var (
	// ErrClosed is returned for what is asked of a mesh that has ended, or of a closed StreamLayer.
	ErrClosed = fmt.Errorf("mesh: %w", net.ErrClosed)
	// ErrUnknownNode is returned where Config.Address knows no address.
	ErrUnknownNode = errors.New("mesh: no address is known for the node")
	// ErrUnreachable is returned while a node can't be reached. It wraps what the last attempt said.
	ErrUnreachable = errors.New("mesh: the node can't be reached")
)

// maxNodes bounds the other nodes that a mesh deals with. A region has up to five, and as many more while all of them are
// being replaced.
const maxNodes = 16

// maxIncoming bounds the connections that others have dialled: one for each node, and some for single calls.
const maxIncoming = 4 * maxNodes

// A Mesh is safe for concurrent use.
type Mesh struct {
	cfg      Config
	log      *slog.Logger
	metrics  *metrics
	serving  chan struct{}   // closed once there is a socket
	running  context.Context // ends when Serve begins to end
	stop     context.CancelCauseFunc
	tasks    sync.WaitGroup
	calls    chan struct{} // a token for each call that is being answered
	places   chan struct{} // one for each connection that others have dialled
	resetKey quic.StatelessResetKey

	mu        sync.Mutex
	transport *quic.Transport    // guarded by mu; nil before Serve
	closed    bool               // guarded by mu; no task begins any more
	peers     map[string]*peer   // guarded by mu
	layers    map[uint32]*layer  // guarded by mu
	handlers  map[string]Handler // guarded by mu
}

// New returns a mesh that connects to nobody before Serve.
func New(cfg Config) (*Mesh, error) {
	if cfg.Identity == nil || cfg.Address == nil {
		return nil, errors.New("mesh: Identity and Address are required")
	}
	if name := cfg.Identity.Name(); name.Role != ca.Hub || name.Node != cfg.Node {
		return nil, fmt.Errorf("mesh: the certificate is %s's, but this node is called %s; issue one with \"weir ca issue hub %s\"", name, cfg.Node, cfg.Node)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	key, err := cfg.Identity.ResetKey("mesh")
	if err != nil {
		return nil, fmt.Errorf("mesh: %w", err)
	}
	m := &Mesh{
		cfg: cfg, log: cfg.Logger, resetKey: key,
		serving: make(chan struct{}), calls: make(chan struct{}, maxCalls), places: make(chan struct{}, maxIncoming),
		peers: map[string]*peer{}, layers: map[uint32]*layer{}, handlers: map[string]Handler{},
	}
	m.running, m.stop = context.WithCancelCause(context.Background())
	if m.metrics, err = newMetrics(m); err != nil {
		return nil, fmt.Errorf("mesh: %w", err)
	}
	return m, nil
}

// StreamLayer returns what the Raft transport of a group needs: its addresses are names of nodes, and its connections
// streams to the same group on that node. While it is open, all calls for the group return the same one.
func (m *Mesh) StreamLayer(group uint32) raft.StreamLayer {
	m.mu.Lock()
	defer m.mu.Unlock()
	if l := m.layers[group]; l != nil {
		return l
	}
	l := newLayer(m, group)
	if m.closed {
		l.end()
		return l
	}
	m.layers[group] = l
	return l
}

func (m *Mesh) layer(group uint32) *layer {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.layers[group]
}

// forget drops a layer that has been closed, so that the group may be opened anew.
func (m *Mesh) forget(l *layer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.layers[l.group] == l {
		delete(m.layers, l.group)
	}
}

// peer returns the record of a node, making it where the node is new. It is nil if there are too many.
func (m *Mesh) peer(node string) *peer {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.peers[node]; p != nil {
		return p
	}
	if len(m.peers) >= maxNodes {
		for name, p := range m.peers {
			if p.idle() { // gone for good, most likely: it is made anew should it come back
				delete(m.peers, name)
				break
			}
		}
	}
	if len(m.peers) >= maxNodes {
		return nil
	}
	p := &peer{mesh: m, node: node, changed: make(chan struct{})}
	m.peers[node] = p
	return p
}

// everyPeer returns the nodes that the mesh knows.
func (m *Mesh) everyPeer() []*peer {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make([]*peer, 0, len(m.peers))
	for _, p := range m.peers {
		all = append(all, p)
	}
	return all
}

// do runs a task that Serve waits for. It reports false when the mesh has ended, and then runs nothing.
func (m *Mesh) do(task func()) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	m.tasks.Go(task)
	return true
}

// socket waits until there is one.
func (m *Mesh) socket(ctx context.Context) (*quic.Transport, error) {
	select {
	case <-m.serving:
	case <-m.running.Done():
		return nil, ErrClosed
	case <-ctx.Done():
		return nil, fmt.Errorf("mesh: it does not serve yet: %w", context.Cause(ctx))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, ErrClosed
	}
	return m.transport, nil
}
