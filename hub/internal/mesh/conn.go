package mesh

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
)

// nodeAddr is the address of a node in the mesh: its name.
type nodeAddr string

func (nodeAddr) Network() string  { return Protocol }
func (a nodeAddr) String() string { return string(a) }

// A streamConn is a stream as a net.Conn: closing it ends both directions, and whoever reads or writes.
type streamConn struct {
	layer  *layer
	stream *quic.Stream
	node   string // at the other end
	once   sync.Once

	writing sync.Mutex // held by Write
}

var _ net.Conn = (*streamConn)(nil)

func newStreamConn(l *layer, stream *quic.Stream, node string) *streamConn {
	return &streamConn{layer: l, stream: stream, node: node}
}

// Read reads what the peer has written. It returns io.EOF once the peer has closed the connection, or the group has been
// closed: Raft's transport takes anything else for a failure.
func (c *streamConn) Read(b []byte) (int, error) {
	n, err := c.stream.Read(b)
	var reset *quic.StreamError
	if errors.As(err, &reset) && reset.ErrorCode == resetClosed {
		err = net.ErrClosed
		if reset.Remote || c.layer.running.Err() != nil {
			err = io.EOF
		}
	}
	return n, err
}

func (c *streamConn) Write(b []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	return c.stream.Write(b)
}

// Close closes both directions. What has been written before is delivered, as with TCP; a Write that is going on is cut
// off, and the peer told so.
func (c *streamConn) Close() error {
	c.once.Do(func() {
		c.layer.drop(c)
		c.stream.CancelRead(resetClosed)
		if !c.writing.TryLock() {
			c.stream.CancelWrite(resetAborted)
			return
		}
		defer c.writing.Unlock()
		_ = c.stream.Close() // fails where the peer reads no longer
	})
	return nil
}

// abort closes both directions without delivering what has been written.
func (c *streamConn) abort(code quic.StreamErrorCode) {
	c.once.Do(func() {
		c.layer.drop(c)
		c.stream.CancelRead(code)
		c.stream.CancelWrite(code)
	})
}

func (c *streamConn) LocalAddr() net.Addr                { return nodeAddr(c.layer.mesh.cfg.Node) }
func (c *streamConn) RemoteAddr() net.Addr               { return nodeAddr(c.node) }
func (c *streamConn) SetDeadline(t time.Time) error      { return c.stream.SetDeadline(t) }
func (c *streamConn) SetReadDeadline(t time.Time) error  { return c.stream.SetReadDeadline(t) }
func (c *streamConn) SetWriteDeadline(t time.Time) error { return c.stream.SetWriteDeadline(t) }
