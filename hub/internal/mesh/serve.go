package mesh

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/quic-go/quic-go"

	"weir/hub/ca"
	"weir/hub/internal/gro"
)

// helloTime is how long a stream may take to say what it is.
const helloTime = 5 * time.Second

// Serve connects to the other nodes through conn, and takes their connections, until ctx ends. It then closes all
// connections, so that peers know at once, waits for calls that are being answered, and closes conn. The error is nil if
// ctx has ended. A mesh serves once. The Raft groups should have been closed before.
func (m *Mesh) Serve(ctx context.Context, conn net.PacketConn) error {
	defer conn.Close()
	transport := &quic.Transport{Conn: gro.Wrap(conn), StatelessResetKey: &m.resetKey}
	defer transport.Close()
	listener, err := transport.Listen(m.cfg.Identity.Server(Protocol, ca.Hub), quicConfig())
	if err != nil {
		return fmt.Errorf("mesh: listen: %w", err)
	}
	defer listener.Close()
	if err := m.begin(transport); err != nil {
		return err
	}
	defer m.end()
	for {
		accepted, err := listener.Accept(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("mesh: accept: %w", err)
		}
		m.accept(accepted)
	}
}

func (m *Mesh) begin(transport *quic.Transport) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.transport != nil {
		return errors.New("mesh: it serves already, or has ended")
	}
	m.transport = transport
	close(m.serving)
	m.tasks.Go(func() { m.cfg.Identity.Watch(m.running) })
	return nil
}

func (m *Mesh) end() {
	m.mu.Lock()
	m.closed = true
	layers := make([]*layer, 0, len(m.layers))
	for _, l := range m.layers {
		layers = append(layers, l)
	}
	m.mu.Unlock()
	m.stop(ErrClosed)
	for _, l := range layers {
		_ = l.Close()
	}
	for _, p := range m.everyPeer() {
		p.close(codeGoing, "shutting down")
	}
	m.tasks.Wait()
	m.metrics.unregister()
}

// accept takes a connection that another node has dialled.
func (m *Mesh) accept(conn *quic.Conn) {
	name, err := ca.PeerName(conn.ConnectionState().TLS)
	if err != nil { // the handshake has made sure that it is one
		_ = conn.CloseWithError(codeRemoved, "no name")
		return
	}
	if name.Node == m.cfg.Node {
		m.log.Error("a node with this node's own name has connected: its certificate must be one of its own",
			"node", name.Node, "address", conn.RemoteAddr().String())
		_ = conn.CloseWithError(codeSelf, "the node that answers has this name")
		return
	}
	c := &connection{conn: conn, node: name.Node}
	select {
	case m.places <- struct{}{}:
	default:
		m.refuseConnection(c)
		return
	}
	if !m.do(func() { defer func() { <-m.places }(); m.run(c) }) {
		_ = conn.CloseWithError(codeGoing, "shutting down")
		<-m.places
	}
}

func (m *Mesh) refuseConnection(c *connection) {
	m.log.Error("a node is refused: there are too many", "node", c.node, "address", c.conn.RemoteAddr().String())
	_ = c.conn.CloseWithError(codeFull, errFull.Error())
}

var errFull = fmt.Errorf("mesh: there are %d other nodes already", maxNodes)

// run takes the streams of a connection until it ends.
func (m *Mesh) run(c *connection) {
	for {
		stream, err := c.conn.AcceptStream(m.running)
		if err != nil || !m.do(func() { m.serveStream(c, stream) }) {
			break
		}
	}
	select {
	case <-c.conn.Context().Done():
	case <-m.running.Done():
		_ = c.conn.CloseWithError(codeGoing, "shutting down")
	}
	if p := c.peer.Load(); p != nil {
		p.remove(c)
		m.log.Info("a connection to a node has ended", "node", c.node, "dialed", c.dialed, "reason", context.Cause(c.conn.Context()))
	}
}

// serveStream finds out what a stream is for.
func (m *Mesh) serveStream(c *connection, stream *quic.Stream) {
	_ = stream.SetReadDeadline(time.Now().Add(helloTime))
	h, err := readHeader(stream)
	if err != nil {
		m.refuse(c, stream, resetMalformed, "malformed", err)
		return
	}
	_ = stream.SetReadDeadline(time.Time{})
	switch h.kind {
	case kindHello:
		m.welcome(c, stream, h.incarnation)
	case kindRaft:
		m.acceptRaft(c, stream, h.group)
	case kindCall:
		m.answer(c.node, stream, h.method)
	}
}

// welcome makes a connection one on which this node opens streams, too. One without a hello is for a call alone.
func (m *Mesh) welcome(c *connection, stream *quic.Stream, incarnation string) {
	if !c.dialed && c.peer.Load() == nil {
		c.incarnation = incarnation // before others can see it
	}
	if err := m.recognise(c); err != nil {
		m.disown(c, err)
		return
	}
	p := m.peer(c.node)
	if p == nil {
		m.refuseConnection(c)
		return
	}
	if !c.dialed && c.peer.CompareAndSwap(nil, p) {
		p.add(c)
	}
	_, _ = stream.Write(m.hello().append(nil)) // fails where the peer has gone
	stream.CancelRead(resetClosed)
	_ = stream.Close()
}

// refuse resets a stream. Nothing is lost: who has opened it is told, and tries again.
func (m *Mesh) refuse(c *connection, stream *quic.Stream, code quic.StreamErrorCode, reason string, err error) {
	stream.CancelRead(code)
	stream.CancelWrite(code)
	if c.conn.Context().Err() != nil {
		return // it is the connection that has ended
	}
	m.metrics.refused.WithLabelValues(reason).Inc()
	m.log.Debug("a stream is refused", "node", c.node, "why", reason, "error", err)
}

func (m *Mesh) acceptRaft(c *connection, stream *quic.Stream, group uint32) {
	if m.cfg.Admit != nil {
		if err := m.cfg.Admit(c.node, group); err != nil {
			m.refuse(c, stream, resetRefused, "not_admitted", err)
			return
		}
	}
	l := m.layer(group)
	if l == nil {
		m.refuse(c, stream, resetGroup, "unknown_group", fmt.Errorf("group %d", group))
		return
	}
	if !l.offer(newStreamConn(l, stream, c.node)) {
		m.refuse(c, stream, resetFull, "queue_full", fmt.Errorf("group %d", group))
	}
}
