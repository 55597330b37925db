package transport

import (
	"bufio"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/coder/websocket"
)

// WebSocket serves sessions over WebSocket at any path of any HTTP server, beside the Server's own TCP port, until Serve
// returns.
func (s *Server) WebSocket() http.Handler { return http.HandlerFunc(s.serveWebSocket) }

// serveWebSocket accepts a session, and returns when it is over.
func (s *Server) serveWebSocket(w http.ResponseWriter, r *http.Request) {
	f := s.refusal(r)
	if f == nil && !slices.Contains(offered(r.Header), Subprotocol) {
		f = errSubprotocol()
	}
	if f != nil {
		s.metrics.refused(f.Code)
		refuse(w, f)
		return
	}
	if !s.admit() {
		refuse(w, errStopped)
		return
	}
	defer s.sessions.Done()
	remote := remoteAddress(r.RemoteAddr)
	ticket, f := s.admission.enter(remote.Addr(), true)
	if f != nil {
		refuse(w, f)
		return
	}
	defer ticket.leave()
	hijacked := &hijackedConn{ResponseWriter: w}
	ws, err := websocket.Accept(hijacked, r, &websocket.AcceptOptions{
		Subprotocols: []string{Subprotocol},
		// The origin has been checked.
		InsecureSkipVerify: true,
		// Frames are small and filtered already, and a compressor takes more memory than the rest of a session.
		CompressionMode: websocket.CompressionDisabled,
	})
	if err != nil { // and answered
		s.logger.Debug("no WebSocket session", "remote", remote, "err", err)
		return
	}
	s.serve(s.newWebSocketConn(ws, hijacked.conn, ticket, remote, r.Header.Get("Origin")))
}

// offered returns the sub-protocols that a client offers (RFC 6455, section 4.1).
func offered(header http.Header) []string {
	var names []string
	for _, value := range header.Values("Sec-WebSocket-Protocol") {
		for name := range strings.SplitSeq(value, ",") {
			names = append(names, strings.TrimSpace(name))
		}
	}
	return names
}

// hijackedConn keeps the connection that the WebSocket library takes over, to set deadlines on it.
type hijackedConn struct {
	http.ResponseWriter
	conn net.Conn
}

func (h *hijackedConn) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffer, err := http.NewResponseController(h.ResponseWriter).Hijack()
	h.conn = conn
	return conn, buffer, err
}
