// Package transport accepts clients: by WebTransport over QUIC, and by WebSocket where UDP is blocked. What is above it
// sees both as a Conn that carries frames.
package transport

import (
	"context"
	"net/netip"

	"weir/proto/fault"
	"weir/proto/frame"
)

// Names that Conn.Transport returns.
const (
	WebTransport = "webtransport"
	WebSocket    = "websocket"
)

// Subprotocol is negotiated by clients of either transport; its number changes when older clients could not go on.
const Subprotocol = "weir.1"

// Path is where clients connect to, by either transport.
const Path = "/weir"

// A Conn is one client's connection as a session sees it. ReadFrame, WriteControl and WriteData may be called at the
// same time as one another, each by one caller at a time; the other methods by anyone at any time.
type Conn interface {
	// Transport returns WebTransport or WebSocket.
	Transport() string
	// RemoteAddr returns where the client's packets come from; behind a proxy, the proxy.
	RemoteAddr() netip.AddrPort
	// Origin returns the Origin header (RFC 6454), "" where the client sent none.
	Origin() string

	// ReadFrame returns the next frame from the client. The body is valid until the next call. Errors: what
	// frame.Reader.Next returns; io.EOF when the client has ended the session in an orderly way; ctx's cause; after
	// Close, net.ErrClosed. A connection whose ReadFrame has failed is only good for Close: ctx ending in the midst of a
	// frame does not lead back to a frame's beginning.
	ReadFrame(ctx context.Context) (frame.Type, []byte, error)
	// SetReadLimit sets the longest body that ReadFrame accepts, in bytes: frame.MaxHello at first, then
	// frame.MaxFromClient. It is called by who calls ReadFrame.
	SetReadLimit(bytes int)

	// WriteControl sends whole encoded frames other than BATCH. It blocks while flow control demands it, and does not
	// keep frames after it returns.
	WriteControl(frames []byte) error
	// WriteData sends whole encoded BATCH frames: by WebTransport on a unidirectional stream of their own, so that
	// they don't stand in the way of the others, by WebSocket on the same connection. Otherwise as WriteControl.
	WriteData(frames []byte) error

	// Close tells the client why, in the way that its transport allows, then ends the connection; f may be nil, for no
	// particular reason. It unblocks reads and writes and returns when the connection is gone, in bounded time. Before
	// it, a session writes GOODBYE with f, which is the reason that a client can rely on. Only the first call counts.
	Close(f *fault.Fault) error
}

// A Handler serves one connection and returns when its session is over. ctx ends when the connection does, or when the
// server is made to stop. The connection is closed after it returns, if it has not been.
type Handler func(ctx context.Context, c Conn)
