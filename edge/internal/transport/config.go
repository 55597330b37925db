package transport

import (
	"crypto/tls"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Config says how to run a Server. Address, GetCertificate and Sessions are required.
type Config struct {
	// Address is host:port, the same for UDP and TCP; port 0 takes a free one. The host "localhost" means both 127.0.0.1
	// and ::1, an empty one all addresses.
	Address string
	// GetCertificate is asked in every handshake.
	GetCertificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	// ResetKey, if it is the same after a restart, lets the server tell the clients of its former life that their
	// connections are gone (RFC 9000, section 10.3). Zero: a random one.
	ResetKey [32]byte
	// Origins that pages may connect from: "https://example.com", "https://*.example.com", "http://localhost:*", or "*"
	// for all. Empty: those on the host that the client asks for, whatever the port. Clients that are no browsers send
	// no origin and are not refused.
	Origins []string
	// Sessions serves each connection.
	Sessions Handler
	// HTTP serves all other requests, over TCP (HTTP/1.1, HTTP/2) and over QUIC (HTTP/3). Nil: they are not found.
	HTTP http.Handler
	// Limits bound what is accepted.
	Limits Limits
	// Logger receives the log. Nil: slog.Default().
	Logger *slog.Logger
	// Registerer receives the metrics. Nil: a registry of its own.
	Registerer prometheus.Registerer
}

// Limits bound what a Server takes on. The zero value of a field is its default.
type Limits struct {
	// Connections is the most connections at once. Default 100,000; an idle WebTransport session takes some 110 KB, so
	// this is for machines with 16 GB.
	Connections int
	// Newcomers is the most connections at once whose client has not proved who it is: in the handshake, or before the
	// session raises the read limit. Default 4,096, at which they take some 450 MB. From a quarter of it on, QUIC clients
	// must validate their address with a Retry (RFC 9000, section 8.1.2).
	Newcomers int
	// AddressNewcomers is the most newcomers from one validated address (an IPv4 address, an IPv6 /64). Default 1,024:
	// many people share an address, but none should take all places.
	AddressNewcomers int
	// HelloTimeout is how long a client may take to open its control stream. Default 5 s.
	HelloTimeout time.Duration
	// CloseTimeout is how long Close waits for the client to read why. Default 1 s.
	CloseTimeout time.Duration
	// StopTimeout is how long Serve, once it is to stop, waits for the sessions to end. Default 5 s.
	StopTimeout time.Duration
}

func (l Limits) withDefaults() Limits {
	setDefault(&l.Connections, 100_000)
	setDefault(&l.Newcomers, 4096)
	setDefault(&l.AddressNewcomers, 1024)
	setDefault(&l.HelloTimeout, 5*time.Second)
	setDefault(&l.CloseTimeout, time.Second)
	setDefault(&l.StopTimeout, 5*time.Second)
	return l
}

func setDefault[T int | time.Duration](value *T, fallback T) {
	if *value == 0 {
		*value = fallback
	}
}
