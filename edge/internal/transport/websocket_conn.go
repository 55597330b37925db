package transport

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/coder/websocket"

	"weir/proto/fault"
	"weir/proto/frame"
)

// messageSlack is by how much a message may exceed the longest frame, in bytes: a frame's header and small frames beside
// it. SPEC.md asks clients to keep messages of several frames far smaller.
const messageSlack = 1 << 10

// webSocketConn is a Conn over a WebSocket.
//
// The library is not given contexts: it would cut the connection when they end, and a session that is made to stop could
// no longer say goodbye. Deadlines on the connection below do it instead.
type webSocketConn struct {
	base
	socket  *websocket.Conn
	raw     net.Conn
	timeout time.Duration // of Close

	reading sync.Mutex // held within ReadFrame; guards reader and message
	reader  *frame.Reader
	message message

	deadline sync.Mutex
	over     bool // Close owns the read deadline from now on; guarded by deadline
}

func (s *Server) newWebSocketConn(socket *websocket.Conn, raw net.Conn, t *ticket, remote netip.AddrPort, origin string) *webSocketConn {
	ctx, cancel := context.WithCancelCause(s.ctx)
	c := &webSocketConn{
		base: base{
			transport: WebSocket, remote: remote, origin: origin, ticket: t,
			sent: s.metrics.sent[WebSocket], received: s.metrics.received[WebSocket],
			ctx: ctx, cancel: cancel,
		},
		socket: socket, raw: raw, timeout: s.limits.CloseTimeout,
	}
	socket.SetReadLimit(-1) // message has a limit of its own, which leaves it to the session to say why
	c.message.socket = socket
	c.message.limit = frame.MaxHello + messageSlack
	c.reader = frame.NewReader(&c.message, frame.MaxHello)
	context.AfterFunc(ctx, c.interrupt)
	return c
}

// interrupt ends reads. Close may be ahead of it, and reads again.
func (c *webSocketConn) interrupt() {
	c.deadline.Lock()
	defer c.deadline.Unlock()
	if !c.over {
		c.raw.SetReadDeadline(past())
	}
}

func (c *webSocketConn) SetReadLimit(bytes int) {
	c.reading.Lock()
	c.reader.SetLimit(bytes)
	c.message.limit = bytes + messageSlack
	c.reading.Unlock()
	c.proved(bytes)
}

func (c *webSocketConn) ReadFrame(ctx context.Context) (t frame.Type, body []byte, err error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	err = c.interruptible(ctx, c.interrupt, func() error {
		if err := c.message.open(); err != nil {
			return err
		}
		t, body, err = c.reader.Next()
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("%w: a message ends within it", frame.ErrMalformed)
		}
		return err
	})
	c.received.Add(float64(len(body)))
	if err != nil {
		c.cancel(err)
	}
	return t, body, err
}

func (c *webSocketConn) WriteControl(frames []byte) error { return c.write(frames) }
func (c *webSocketConn) WriteData(frames []byte) error    { return c.write(frames) }

func (c *webSocketConn) write(frames []byte) error {
	err := c.socket.Write(context.Background(), websocket.MessageBinary, frames)
	if err != nil {
		c.cancel(err)
		return err
	}
	c.sent.Add(float64(len(frames)))
	return nil
}

// Close sends a close frame behind what has been written and waits for the client's.
func (c *webSocketConn) Close(f *fault.Fault) error {
	return c.closeWith(func() error {
		c.raw.SetWriteDeadline(time.Now().Add(c.timeout))
		c.interrupt()
		c.deadline.Lock()
		c.over = true
		c.deadline.Unlock()
		// Once ReadFrame has returned, the library may read the client's close frame.
		c.reading.Lock()
		defer c.reading.Unlock()
		c.raw.SetReadDeadline(time.Now().Add(c.timeout))
		err := c.socket.Close(closeStatus(f))
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		return err
	})
}
