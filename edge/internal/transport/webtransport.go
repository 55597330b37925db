package transport

import (
	"context"
	"errors"
	"net/http"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"weir/proto/fault"
)

// Keys of what a QUIC connection's context carries.
type (
	ticketKey   struct{} // *ticket
	quicConnKey struct{} // *quic.Conn
)

// serveHTTP3 answers requests over QUIC: for a session, or any other.
func (s *Server) serveHTTP3(w http.ResponseWriter, r *http.Request) {
	ticket, _ := r.Context().Value(ticketKey{}).(*ticket)
	qconn, _ := r.Context().Value(quicConnKey{}).(*quic.Conn)
	if r.URL.Path != Path {
		ticket.prove() // no session will follow; what comes now is for the handler's own authentication
		s.other.ServeHTTP(w, r)
		return
	}
	if r.Method != http.MethodConnect {
		refuse(w, fault.New(fault.ProtocolViolation, "%s is for WebTransport here", Path).
			WithHint("use extended CONNECT, or WebSocket over TCP"))
		return
	}
	if f := s.refusal(r); f != nil {
		s.metrics.refused(f.Code)
		refuse(w, f)
		return
	}
	if !s.admit() {
		refuse(w, errStopped)
		return
	}
	session, err := s.webtransport.Upgrade(w, r)
	if err != nil {
		s.sessions.Done()
		s.logger.Debug("no WebTransport session", "remote", r.RemoteAddr, "err", err)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c := s.newWebTransportConn(session, w.(http3.HTTPStreamer).HTTPStream(), qconn, ticket, r)
	offered := len(r.Header.Values("Wt-Available-Protocols")) > 0
	// The request's handler has to return, or its goroutine, buffers and headers stay as long as the session does.
	go func() {
		defer s.sessions.Done()
		s.serveWebTransport(c, offered)
	}()
}

// serveWebTransport runs a session, from the client's control stream on. offered is whether the client named protocols.
func (s *Server) serveWebTransport(c *webTransportConn, offered bool) {
	// The first version may go without a name: not all browsers can offer one.
	if offered && c.session.SessionState().ApplicationProtocol != Subprotocol {
		f := errSubprotocol()
		s.metrics.refused(f.Code)
		c.Close(f)
		return
	}
	ctx, cancel := context.WithTimeoutCause(c.ctx, s.limits.HelloTimeout, errHelloTimeout)
	control, err := c.session.AcceptStream(ctx)
	timedOut := errors.Is(context.Cause(ctx), errHelloTimeout)
	cancel()
	switch {
	case err == nil:
		c.begin(control)
		s.serve(c)
	case timedOut:
		s.metrics.helloMissed.Inc()
		c.Close(errHelloTimeout)
	case s.ctx.Err() != nil:
		c.Close(errStopped)
	default:
		c.Close(nil)
	}
}

// errHelloTimeout ends sessions whose client does not say anything.
var errHelloTimeout = fault.New(fault.HelloTimeout, "the session's control stream was not opened in time").
	WithHint("open one bidirectional stream and send HELLO on it at once")

func errSubprotocol() *fault.Fault {
	return fault.New(fault.VersionMismatch, "the client and this edge have no sub-protocol in common").
		WithHint("this edge speaks %q: offer it when connecting", Subprotocol)
}

// refusal says why a request can't become a session, nil if it can.
func (s *Server) refusal(r *http.Request) *fault.Fault {
	if s.isDraining() {
		return fault.New(fault.Draining, "this edge is about to stop").WithHint("connect again: another edge will answer")
	}
	return s.origins.check(r)
}
