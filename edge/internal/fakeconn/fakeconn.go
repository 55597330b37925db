// Package fakeconn is a client's connection in memory, for the edge's tests: the test is the client.
package fakeconn

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/netip"
	"sync"

	"google.golang.org/protobuf/proto"

	"weir/edge/internal/transport"
	"weir/proto/fault"
	"weir/proto/frame"
)

// A Frame is one that the server sent.
type Frame struct {
	Type frame.Type
	Body []byte
}

// A Conn is both ends of a connection: a transport.Conn for the server, and methods for the client. It is safe for
// concurrent use.
type Conn struct {
	reader *frame.Reader // used by who calls ReadFrame
	in     *io.PipeReader
	client *io.PipeWriter

	mu      sync.Mutex
	cond    sync.Cond // closed or stuck changes
	control []byte
	data    []byte
	writes  int // of data
	stuck   bool
	closed  bool
	fault   *fault.Fault
}

var _ transport.Conn = (*Conn)(nil)

// New returns a connection.
func New() *Conn {
	c := &Conn{}
	c.in, c.client = io.Pipe()
	c.reader = frame.NewReader(bufio.NewReader(c.in), frame.MaxHello)
	c.cond.L = &c.mu
	return c
}

// Transport, RemoteAddr and Origin are those of a page on this machine.
func (c *Conn) Transport() string          { return transport.WebTransport }
func (c *Conn) RemoteAddr() netip.AddrPort { return netip.MustParseAddrPort("192.0.2.1:4433") }
func (c *Conn) Origin() string             { return "https://example.com" }

// ReadFrame is the server's.
func (c *Conn) ReadFrame(ctx context.Context) (frame.Type, []byte, error) {
	stop := context.AfterFunc(ctx, func() { c.in.CloseWithError(context.Cause(ctx)) })
	defer stop()
	kind, body, err := c.reader.Next()
	if err != nil {
		if ctx.Err() != nil {
			return 0, nil, context.Cause(ctx)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.closed {
			return 0, nil, net.ErrClosed
		}
	}
	return kind, body, err
}

// SetReadLimit is the server's.
func (c *Conn) SetReadLimit(bytes int) { c.reader.SetLimit(bytes) }

// WriteControl is the server's.
func (c *Conn) WriteControl(frames []byte) error { return c.write(&c.control, frames, nil) }

// WriteData is the server's.
func (c *Conn) WriteData(frames []byte) error { return c.write(&c.data, frames, &c.writes) }

func (c *Conn) write(to *[]byte, frames []byte, count *int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.stuck && !c.closed {
		c.cond.Wait()
	}
	if c.closed {
		return net.ErrClosed
	}
	*to = append(*to, frames...)
	if count != nil {
		*count++
	}
	return nil
}

// Close is the server's.
func (c *Conn) Close(f *fault.Fault) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.closed, c.fault = true, f
		c.cond.Broadcast()
		c.in.CloseWithError(net.ErrClosed)
	}
	return nil
}

// Send sends a frame. It returns once the server has read it, or has closed the connection.
func (c *Conn) Send(t frame.Type, m proto.Message) {
	b, err := frame.Append(nil, t, m)
	if err != nil {
		panic(err)
	}
	c.SendBytes(b)
}

// SendBytes sends bytes. An error means that the server reads no more, which a client need not care about.
func (c *Conn) SendBytes(b []byte) { _, _ = c.client.Write(b) }

// Leave ends the connection from the client's side.
func (c *Conn) Leave() { c.client.Close() }

// Stick makes the client stop reading, or go on.
func (c *Conn) Stick(stuck bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stuck = stuck
	c.cond.Broadcast()
}

// Control returns the frames that came on the control stream since it was last called.
func (c *Conn) Control() []Frame { return c.take(&c.control) }

// Data returns the frames that came on the data stream since it was last called.
func (c *Conn) Data() []Frame { return c.take(&c.data) }

func (c *Conn) take(from *[]byte) []Frame {
	c.mu.Lock()
	b := *from
	*from = nil
	c.mu.Unlock()
	r := frame.NewReader(bytes.NewReader(b), frame.MaxFromServer)
	var frames []Frame
	for {
		kind, body, err := r.Next()
		if err == io.EOF {
			return frames
		}
		if err != nil {
			panic(err)
		}
		frames = append(frames, Frame{kind, append([]byte(nil), body...)})
	}
}

// Writes returns how many writes of data there were.
func (c *Conn) Writes() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.writes
}

// Closed returns whether the server has closed the connection, and with what.
func (c *Conn) Closed() (bool, *fault.Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed, c.fault
}
