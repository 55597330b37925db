package mesh

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"

	"weir/hub/ca"
)

const (
	// connecting bounds one attempt to connect.
	connecting = 3 * time.Second
	// firstBackoff and lastBackoff bound the wait between attempts, doubled each time and with jitter. The last is short: a
	// node that can be reached again shall be so before Raft's patience ends, and an attempt costs few packets.
	firstBackoff = 50 * time.Millisecond
	lastBackoff  = 500 * time.Millisecond
)

// A connection is one to another node. Both of its ends open streams.
type connection struct {
	conn   *quic.Conn
	node   string
	dialed bool                 // by this side
	peer   atomic.Pointer[peer] // nil while it is for a single call
	// incarnation is what the node has said, before the connection has a peer.
	incarnation string
}

// A peer is another node. Between two nodes there are at most two connections, one dialled by each, for both may dial at
// once; streams are opened on the one that the node with the lower name has dialled, where it is there. So there is one
// in use, save for what was opened in the moment when they crossed.
type peer struct {
	mesh *Mesh
	node string

	mu        sync.Mutex
	outgoing  *connection   // guarded by mu; nil while there is none
	incoming  *connection   // guarded by mu
	dialing   bool          // guarded by mu
	failures  int           // guarded by mu; attempts in a row that have failed
	retryAt   time.Time     // guarded by mu; when the next attempt may be made
	lastError error         // guarded by mu; of the last attempt
	changed   chan struct{} // guarded by mu; closed whenever one of the above changes
}

// connection returns a connection to the node, and makes one where there is none.
func (p *peer) connection(ctx context.Context) (*connection, error) {
	for {
		p.mu.Lock()
		if c := p.preferred(); c != nil {
			p.mu.Unlock()
			return c, nil
		}
		if wait := time.Until(p.retryAt); !p.dialing && wait > 0 {
			err := fmt.Errorf("%w: %s: %w (next attempt in %v)", ErrUnreachable, p.node, p.lastError, wait.Round(time.Millisecond))
			p.mu.Unlock()
			return nil, err
		}
		begin, changed := !p.dialing, p.changed
		p.dialing = true
		p.mu.Unlock()
		if begin && !p.mesh.do(p.dial) {
			return nil, ErrClosed // and so are all later calls
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %s: %w", ErrUnreachable, p.node, context.Cause(ctx))
		case <-p.mesh.running.Done():
			return nil, ErrClosed
		}
	}
}

// preferred returns the connection to open streams on. mu is held.
func (p *peer) preferred() *connection {
	first, second := p.outgoing, p.incoming
	if p.node < p.mesh.cfg.Node {
		first, second = second, first
	}
	for _, c := range []*connection{first, second} {
		if c != nil && c.conn.Context().Err() == nil {
			return c
		}
	}
	return nil
}

// notify wakes all that wait for a change. mu is held.
func (p *peer) notify() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// idle reports whether there is nothing to remember of the node.
func (p *peer) idle() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.outgoing == nil && p.incoming == nil && !p.dialing
}

// dial makes one attempt to connect, on behalf of all that wait.
func (p *peer) dial() {
	ctx, cancel := context.WithTimeout(p.mesh.running, connecting)
	defer cancel()
	c, err := p.connect(ctx)
	if err == nil {
		err = p.use(c)
	}
	p.mesh.metrics.dialed(err)
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.notify()
	p.dialing = false
	if err == nil {
		return
	}
	p.retryAt, p.lastError = time.Now().Add(backoff(p.failures)), err
	if p.failures++; p.failures == 1 { // once for each time that the node is gone
		p.mesh.log.Warn("a node can't be reached", "node", p.node, "reason", err)
	}
}

// backoff returns how long to wait after that many failures before this one.
func backoff(failures int) time.Duration {
	d := lastBackoff
	if failures < 4 {
		d = min(firstBackoff<<failures, lastBackoff)
	}
	return d/2 + rand.N(d/2)
}

func (p *peer) connect(ctx context.Context) (*connection, error) {
	addr, ok := p.mesh.cfg.Address(p.node)
	if !ok {
		return nil, ErrUnknownNode
	}
	return p.mesh.connect(ctx, addr, ca.Name{Role: ca.Hub, Node: p.node})
}

// use opens streams on a connection that this side has dialled, and takes those that the node opens on it.
func (p *peer) use(c *connection) error {
	p.add(c)
	if !p.mesh.do(func() { p.mesh.run(c) }) {
		p.remove(c)
		_ = c.conn.CloseWithError(codeGoing, "shutting down")
		return ErrClosed
	}
	return nil
}

// add makes c the node's connection in its direction. One that is there is closed: the node has lost it, or it would not
// have dialled.
func (p *peer) add(c *connection) {
	p.mu.Lock()
	c.peer.Store(p)
	place := &p.incoming
	if c.dialed {
		place = &p.outgoing
	}
	before := *place
	*place = c
	p.failures, p.retryAt, p.lastError = 0, time.Time{}, nil
	p.notify()
	p.mu.Unlock()
	p.mesh.log.Info("connected to a node", "node", p.node, "address", c.conn.RemoteAddr().String(), "dialed", c.dialed)
	if before != nil {
		if was, is := before.conn.RemoteAddr().String(), c.conn.RemoteAddr().String(); was != is {
			p.mesh.log.Warn("a node connects from another address; if this goes on, two nodes have the same certificate",
				"node", p.node, "before", was, "now", is)
		}
		_ = before.conn.CloseWithError(codeReplaced, "there is a newer connection")
	}
	if c.conn.Context().Err() != nil { // ended before it was added: nobody else would remove it
		p.remove(c)
	}
}

// remove forgets a connection that has ended.
func (p *peer) remove(c *connection) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.incoming == c {
		p.incoming = nil
	}
	if p.outgoing == c {
		p.outgoing = nil
	}
	p.notify()
}

// live returns the connections that there are.
func (p *peer) live() []*connection {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []*connection
	for _, c := range []*connection{p.outgoing, p.incoming} {
		if c != nil {
			all = append(all, c)
		}
	}
	return all
}

func (p *peer) close(code quic.ApplicationErrorCode, reason string) {
	for _, c := range p.live() {
		_ = c.conn.CloseWithError(code, reason)
	}
}
