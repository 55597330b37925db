package mesh

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	"github.com/quic-go/quic-go"

	"weir/hub/ca"
)

// connect connects to the node at addr, which must be the one that is wanted, for good.
func (m *Mesh) connect(ctx context.Context, addr string, want ca.Name) (*connection, error) {
	c, err := m.connectOnce(ctx, addr, want)
	if err != nil {
		return nil, err
	}
	c.incarnation, err = m.greet(ctx, c.conn)
	if err == nil {
		if err = m.recognise(c); err != nil {
			_ = c.conn.CloseWithError(codeRemoved, err.Error())
		}
	}
	if err != nil {
		_ = c.conn.CloseWithError(codeGoing, "")
		return nil, fmt.Errorf("connect to %s: %w", addr, explain(err))
	}
	return c, nil
}

// connectOnce is connect for a single call. That the node believes this one is not certain yet.
func (m *Mesh) connectOnce(ctx context.Context, addr string, want ca.Name) (*connection, error) {
	transport, err := m.socket(ctx)
	if err != nil {
		return nil, err
	}
	remote, err := resolve(ctx, addr)
	if err != nil {
		return nil, err
	}
	conn, err := transport.Dial(ctx, remote, m.cfg.Identity.Client(Protocol, want), quicConfig())
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", addr, explain(err))
	}
	name, err := ca.PeerName(conn.ConnectionState().TLS)
	if err == nil && name.Node == m.cfg.Node {
		err = fmt.Errorf("%s is this node's own address, or another node has its name", addr)
	}
	if err != nil {
		_ = conn.CloseWithError(codeSelf, "")
		return nil, err
	}
	return &connection{conn: conn, node: name.Node, dialed: true}, nil
}

// greet makes sure that the peer has taken the connection: in TLS 1.3 the handshake is done, for the one who dials,
// before the other side has looked at its certificate. It returns the peer's incarnation.
func (m *Mesh) greet(ctx context.Context, conn *quic.Conn) (incarnation string, err error) {
	stream, err := conn.OpenStream()
	if err != nil {
		return "", err
	}
	defer context.AfterFunc(ctx, func() { _ = stream.SetDeadline(time.Unix(1, 0)) })()
	if _, err := stream.Write(m.hello().append(nil)); err != nil {
		return "", err
	}
	_ = stream.Close()
	back, err := readHeader(stream)
	if err != nil {
		if ended := context.Cause(conn.Context()); ended != nil {
			return "", ended
		}
		return "", err
	}
	stream.CancelRead(resetClosed)
	return back.incarnation, nil
}

// hello is how this node says who it is.
func (m *Mesh) hello() header {
	h := header{kind: kindHello}
	if m.cfg.Incarnation != nil {
		h.incarnation = m.cfg.Incarnation()
	}
	return h
}

// recognise returns why the process at a connection's other end is not the node that it says it is, nil if it is.
func (m *Mesh) recognise(c *connection) error {
	if m.cfg.Recognise == nil {
		return nil
	}
	return m.cfg.Recognise(c.node, c.incarnation)
}

// Recheck closes the connections to processes that Config.Recognise no longer takes for the nodes that they say they are.
func (m *Mesh) Recheck() {
	for _, p := range m.everyPeer() {
		for _, c := range p.live() {
			if err := m.recognise(c); err != nil {
				m.disown(c, err)
			}
		}
	}
}

// disown closes the connection to a process that is not the node that it says it is.
func (m *Mesh) disown(c *connection, why error) {
	m.log.Warn("a node is refused", "node", c.node, "address", c.conn.RemoteAddr().String(), "reason", why)
	_ = c.conn.CloseWithError(codeRemoved, why.Error())
}

// explain adds what may be behind an error that says little by itself.
func explain(err error) error {
	var refused *quic.TransportError
	if errors.As(err, &refused) && refused.Remote && refused.ErrorCode.IsCryptoError() {
		return fmt.Errorf("%w: the other node refuses this one's certificate; its log says why", err)
	}
	return err
}

// resolve returns the address of a node, whose host may be a name.
func resolve(ctx context.Context, addr string) (*net.UDPAddr, error) {
	if known, err := netip.ParseAddrPort(addr); err == nil {
		return net.UDPAddrFromAddrPort(known), nil
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("the address of a node: %w", err)
	}
	number, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, fmt.Errorf("the address of a node: %s has no port: %w", addr, err)
	}
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, fmt.Errorf("the address of a node: %w", err)
	}
	return net.UDPAddrFromAddrPort(netip.AddrPortFrom(found[0].Unmap(), uint16(number))), nil
}
