package transport

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/webtransport-go"

	"weir/proto/fault"
	"weir/proto/frame"
)

// controlBuffer is how much of the control stream is read at once, in bytes. Frames from clients are mostly small, and
// this is memory that every idle session has.
const controlBuffer = 512

// webTransportConn is a Conn over a WebTransport session.
type webTransportConn struct {
	base
	session *webtransport.Session
	// connect is the session's CONNECT stream. The library writes to it only as it closes the session, as its own flow
	// control is off.
	connect *http3.Stream
	quic    *quic.Conn
	timeout time.Duration // of each step of Close

	control *webtransport.Stream // set by begin
	reader  *frame.Reader        // of control; used by who calls ReadFrame
	// data is opened with the first batch. Written by who calls WriteData; Close reads it through opened.
	data   *webtransport.SendStream
	opened chan *webtransport.SendStream // holds data once it is open
}

func (s *Server) newWebTransportConn(session *webtransport.Session, connect *http3.Stream, qconn *quic.Conn, t *ticket, r *http.Request) *webTransportConn {
	ctx, cancel := context.WithCancelCause(s.ctx)
	c := &webTransportConn{
		base: base{
			transport: WebTransport, remote: addrPort(qconn.RemoteAddr()), origin: r.Header.Get("Origin"), ticket: t,
			sent: s.metrics.sent[WebTransport], received: s.metrics.received[WebTransport],
			ctx: ctx, cancel: cancel,
		},
		session: session, connect: connect, quic: qconn, timeout: s.limits.CloseTimeout,
		opened: make(chan *webtransport.SendStream, 1),
	}
	context.AfterFunc(session.Context(), func() { cancel(errGone) })
	return c
}

// begin hands over the control stream.
func (c *webTransportConn) begin(control *webtransport.Stream) {
	c.control = control
	c.reader = frame.NewReader(bufio.NewReaderSize(control, controlBuffer), frame.MaxHello)
	context.AfterFunc(c.ctx, func() {
		if !errors.Is(context.Cause(c.ctx), errGone) { // then reading ends by itself, and knows why
			c.interrupt()
		}
	})
}

// errGone is the cause of a connection's context when its session has ended, by whomever.
var errGone = errors.New("the WebTransport session is gone")

func (c *webTransportConn) interrupt() { c.control.SetReadDeadline(past()) }

func (c *webTransportConn) SetReadLimit(bytes int) {
	c.reader.SetLimit(bytes)
	c.proved(bytes)
}

func (c *webTransportConn) ReadFrame(ctx context.Context) (t frame.Type, body []byte, err error) {
	err = c.interruptible(ctx, c.interrupt, func() error {
		if err := c.checkStreams(); err != nil {
			return err
		}
		t, body, err = c.reader.Next()
		return c.explain(err)
	})
	c.received.Add(float64(len(body)))
	return t, body, err
}

// polled has ended: asking with it takes what is there and does not wait.
var polled = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()

// checkStreams fails if the client has opened streams beyond the one that it may. They wait in queues that QUIC's limit
// on streams bounds, so it is enough to look when a frame is wanted, without a goroutine for each that waits.
func (c *webTransportConn) checkStreams() error {
	if _, err := c.session.AcceptStream(polled); err == nil {
		return errStreams("bidirectional")
	}
	if _, err := c.session.AcceptUniStream(polled); err == nil {
		return errStreams("unidirectional")
	}
	return nil
}

func errStreams(kind string) *fault.Fault {
	return fault.New(fault.ProtocolViolation, "the client opened another %s stream", kind).
		WithHint("a session has one bidirectional stream, opened by the client, for all its frames")
}

// explain turns the ways in which a client leaves in good order into io.EOF.
func (c *webTransportConn) explain(err error) error {
	if gone, ok := errors.AsType[*webtransport.SessionError](err); ok && gone.Remote {
		return io.EOF
	}
	if _, ok := errors.AsType[*http3.Error](err); ok {
		// The library hides behind it why the connection is gone, which the connection itself says in a moment. If the
		// connection is not gone, the client has broken the protocol.
		wait(c.quic.Context().Done(), connectionEnd)
		if cause := context.Cause(c.quic.Context()); cause != nil {
			err = cause
		}
	}
	if gone, ok := errors.AsType[*quic.ApplicationError](err); ok && gone.Remote &&
		(gone.ErrorCode == quic.ApplicationErrorCode(http3.ErrCodeNoError) || gone.ErrorCode == 0) {
		return io.EOF
	}
	return err
}

// connectionEnd is more than a connection takes from ending its streams to saying that it has ended.
const connectionEnd = 100 * time.Millisecond

func (c *webTransportConn) WriteControl(frames []byte) error {
	return c.write(c.control, frames)
}

func (c *webTransportConn) WriteData(frames []byte) error {
	if c.data == nil {
		data, err := c.session.OpenUniStreamSync(c.ctx)
		if err != nil {
			return fmt.Errorf("open the stream of batches: %w", err)
		}
		c.data = data
		c.opened <- data
	}
	return c.write(c.data, frames)
}

func (c *webTransportConn) write(stream io.Writer, frames []byte) error {
	if c.closed.Load() {
		return net.ErrClosed
	}
	n, err := stream.Write(frames)
	c.sent.Add(float64(n))
	return err
}

// Close lets the client read GOODBYE and leave by itself, then closes the session with a capsule and at last the
// connection: it carries one session alone.
//
// The library would stop the streams before the capsule, and browsers then report a lost connection instead of the
// reason. So the capsule is written here, and the client given time to act on it.
func (c *webTransportConn) Close(f *fault.Fault) error {
	return c.closeWith(func() error {
		gone := c.session.Context().Done()
		if c.control != nil {
			c.finish()
			wait(gone, c.timeout)
		}
		c.connect.SetWriteDeadline(time.Now().Add(c.timeout))
		if _, err := c.connect.Write(appendCloseCapsule(nil, f)); err == nil && c.connect.Close() == nil {
			wait(gone, c.timeout)
		}
		code, reason := sessionCode(f)
		c.session.CloseWithError(webtransport.SessionErrorCode(code), reason)
		return c.quic.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeNoError), "")
	})
}

// finish ends writing: what is under way has until the timeout, and the control stream ends behind it.
func (c *webTransportConn) finish() {
	deadline := time.Now().Add(c.timeout)
	c.control.SetWriteDeadline(deadline)
	select {
	case data := <-c.opened:
		data.SetWriteDeadline(deadline)
	default:
	}
	c.control.Close()
}

func wait(done <-chan struct{}, timeout time.Duration) {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}
