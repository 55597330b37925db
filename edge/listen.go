package edge

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"

	"weir/edge/internal/certs"
	"weir/edge/internal/transport"
)

// ListenConfig says where and how clients reach a Server. Address and GetCertificate are required.
type ListenConfig struct {
	// Address is host:port, the same for UDP and TCP; port 0 takes a free one. The host "localhost" means both 127.0.0.1
	// and ::1, an empty one all addresses.
	Address string
	// GetCertificate is asked in every handshake; see OpenDevCertificate and OpenCertificateFiles.
	GetCertificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	// ResetKey lets a restarted edge tell clients at once that their connections are gone; see ResetKey. Zero: a random one.
	ResetKey [32]byte
	// Origins that pages may connect from: "https://example.com", "https://*.example.com", "http://localhost:*", or "*"
	// for all. Empty: those on the host that the client asks for, whatever the port.
	Origins []string
	// HTTP serves requests that are no sessions. Nil: they are not found.
	HTTP http.Handler
	// Logger receives the log. Nil: slog.Default().
	Logger *slog.Logger
	// Registerer receives the transports' metrics. Nil: a registry of its own.
	Registerer prometheus.Registerer
}

// A Listener accepts clients by WebTransport and WebSocket and hands them to a Server. It is safe for concurrent use.
type Listener struct{ transport *transport.Server }

// Listen takes the address. Clients are served once Serve is called, which also gives the address back.
func (s *Server) Listen(cfg ListenConfig) (*Listener, error) {
	t, err := transport.Listen(transport.Config{
		Address: cfg.Address, GetCertificate: cfg.GetCertificate, ResetKey: cfg.ResetKey, Origins: cfg.Origins,
		Sessions: s.Handler(), HTTP: cfg.HTTP, Logger: cfg.Logger, Registerer: cfg.Registerer,
	})
	if err != nil {
		return nil, err
	}
	return &Listener{t}, nil
}

// Addr returns the address; the first of them where there are two. UDP and TCP have the same.
func (l *Listener) Addr() net.Addr { return l.transport.Addr() }

// Serve serves clients until ctx ends or the address fails, then ends their sessions and returns: nil if ctx ended it.
func (l *Listener) Serve(ctx context.Context) error { return l.transport.Serve(ctx) }

// Drain refuses new connections from now on; those there are go on.
func (l *Listener) Drain() { l.transport.Drain() }

// WebSocket serves sessions over WebSocket on any HTTP server, beside the Listener's own address. It answers only while
// Serve runs.
func (l *Listener) WebSocket() http.Handler { return l.transport.WebSocket() }

type (
	// A DevCertificate is a self-made certificate for this machine that browsers accept by its hash.
	DevCertificate = certs.Dev
	// CertificateFiles is a certificate in files, read again when they change.
	CertificateFiles = certs.Files
)

// OpenDevCertificate returns the certificate that is kept in dir, where it is made if need be and renewed in time.
func OpenDevCertificate(dir string, logger *slog.Logger) (*DevCertificate, error) {
	return certs.OpenDev(dir, logger)
}

// OpenCertificateFiles returns the certificate in two PEM files: the chain, the edge's own first, and its key.
func OpenCertificateFiles(certificateFile, keyFile string, logger *slog.Logger) (*CertificateFiles, error) {
	return certs.OpenFiles(certificateFile, keyFile, logger)
}

// ResetKey returns the key for ListenConfig that is kept in dir, where it is made if need be.
func ResetKey(dir string) ([32]byte, error) { return certs.ResetKey(dir) }
