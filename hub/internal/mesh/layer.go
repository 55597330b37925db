package mesh

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/raft"
	"github.com/quic-go/quic-go"
)

const (
	// acceptQueue bounds the streams of a group that wait for Accept: Raft's transport accepts them without doing anything
	// else, so they only queue when it is stopping or the machine is far too slow.
	acceptQueue = 64
	// maxConns bounds the streams of a group that are open, in both directions: some ten for each other node.
	maxConns = 512
)

// A layer is what one Raft group sees of the mesh.
type layer struct {
	mesh     *Mesh
	group    uint32
	accepted chan *streamConn
	running  context.Context // ends with Close
	stop     context.CancelFunc

	mu    sync.Mutex
	conns map[*streamConn]struct{} // guarded by mu; nil once closed
}

var _ raft.StreamLayer = (*layer)(nil)

func newLayer(m *Mesh, group uint32) *layer {
	l := &layer{
		mesh: m, group: group, accepted: make(chan *streamConn, acceptQueue), conns: map[*streamConn]struct{}{},
	}
	l.running, l.stop = context.WithCancel(context.Background())
	return l
}

// Accept waits for a stream that another node opens for the group. After Close the error is ErrClosed.
func (l *layer) Accept() (net.Conn, error) {
	select {
	case <-l.running.Done():
		return nil, ErrClosed
	default:
	}
	select {
	case c := <-l.accepted:
		return c, nil
	case <-l.running.Done():
		return nil, ErrClosed
	}
}

// Dial opens a stream to the group on a node, whose name is the address. While the node can't be reached it fails at once,
// save for one attempt after the other, each after a longer wait, that all callers share.
func (l *layer) Dial(address raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(l.running, timeout)
	defer cancel()
	stream, err := l.mesh.open(ctx, string(address), header{kind: kindRaft, group: l.group})
	if err != nil {
		if l.running.Err() != nil {
			err = ErrClosed
		}
		return nil, fmt.Errorf("dial group %d: %w", l.group, err)
	}
	c := newStreamConn(l, stream, string(address))
	if !l.add(c) {
		c.abort(resetClosed)
		if l.running.Err() != nil {
			return nil, ErrClosed
		}
		return nil, fmt.Errorf("dial group %d: it has %d streams open", l.group, maxConns)
	}
	return c, nil
}

// Addr returns this node's name.
func (l *layer) Addr() net.Addr { return nodeAddr(l.mesh.cfg.Node) }

// Close ends Accept and closes the group's streams: Raft's transport leaves that to whoever gave them. The group may
// then be opened anew.
func (l *layer) Close() error {
	l.end()
	l.mesh.forget(l)
	return nil
}

func (l *layer) end() {
	l.mu.Lock()
	conns := l.conns
	l.conns = nil
	l.mu.Unlock()
	l.stop()
	l.mesh.metrics.streams.Sub(float64(len(conns)))
	for c := range conns {
		_ = c.Close()
	}
}

// offer queues a stream for Accept, unless the queue is full.
func (l *layer) offer(c *streamConn) bool {
	if !l.add(c) {
		return false
	}
	select {
	case l.accepted <- c:
		return true
	default:
		l.drop(c)
		return false
	}
}

// add keeps a stream to close it with the layer.
func (l *layer) add(c *streamConn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conns == nil || len(l.conns) >= maxConns {
		return false
	}
	l.conns[c] = struct{}{}
	l.mesh.metrics.streams.Inc()
	return true
}

func (l *layer) drop(c *streamConn) {
	l.mu.Lock()
	_, there := l.conns[c]
	delete(l.conns, c)
	l.mu.Unlock()
	if there {
		l.mesh.metrics.streams.Dec()
	}
}

// open opens a stream to a node and sends its header.
func (m *Mesh) open(ctx context.Context, node string, h header) (*quic.Stream, error) {
	if node == m.cfg.Node {
		return nil, errors.New("mesh: a node does not connect to itself")
	}
	p := m.peer(node)
	if p == nil {
		return nil, errFull
	}
	for {
		c, err := p.connection(ctx)
		if err != nil {
			return nil, err
		}
		stream, err := openOn(c.conn, h)
		if !errors.Is(err, net.ErrClosed) {
			return stream, err
		}
		select { // it is ending, so the next is another one
		case <-c.conn.Context().Done():
		case <-ctx.Done():
			return nil, err
		}
	}
}

func openOn(conn *quic.Conn, h header) (*quic.Stream, error) {
	stream, err := conn.OpenStream()
	if err != nil {
		return nil, fmt.Errorf("open a stream: %w", err)
	}
	if _, err := stream.Write(h.append(nil)); err != nil {
		stream.CancelRead(resetAborted)
		stream.CancelWrite(resetAborted)
		return nil, fmt.Errorf("open a stream: %w", err)
	}
	return stream, nil
}
