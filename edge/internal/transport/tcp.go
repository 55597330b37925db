package transport

import (
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds on requests over TCP. How long an answer takes is for its handler to say: some stream.
const (
	// readHeaderTimeout bounds the TLS handshake and the reading of headers.
	readHeaderTimeout = 5 * time.Second
	// keepAlive is how long a connection may wait for its next request.
	keepAlive = time.Minute
	// maxHeader is the most bytes of headers; ours are far below.
	maxHeader = 16 << 10
)

// newTCPServer serves WebSocket and, by HTTP/1.1 and HTTP/2, everything else.
func (s *Server) newTCPServer(getCertificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)) *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc(Path, s.serveWebSocket)
	mux.Handle("/", s.other)
	return &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       keepAlive,
		MaxHeaderBytes:    maxHeader,
		ErrorLog:          slog.NewLogLogger(s.logger.Handler(), slog.LevelDebug), // strangers' handshakes fail all the time
		TLSConfig: &tls.Config{
			GetCertificate: getCertificate,
			MinVersion:     tls.VersionTLS12,
		},
	}
}

// boundedListener closes what it accepts beyond a number of open connections: each may have a TLS handshake and buffers
// to its name before it says what it wants.
type boundedListener struct {
	net.Listener
	limit int64
	open  atomic.Int64
}

func newBoundedListener(l net.Listener, limit int) *boundedListener {
	return &boundedListener{Listener: l, limit: int64(limit)}
}

func (l *boundedListener) Accept() (net.Conn, error) {
	for {
		accepted, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.open.Add(1) <= l.limit {
			return &boundedConn{Conn: accepted, listener: l}, nil
		}
		l.open.Add(-1)
		accepted.Close()
	}
}

type boundedConn struct {
	net.Conn
	listener *boundedListener
	once     sync.Once
}

func (c *boundedConn) Close() error {
	c.once.Do(func() { c.listener.open.Add(-1) })
	return c.Conn.Close()
}
