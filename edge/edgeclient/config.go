package edgeclient

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"time"

	"weir/proto/producer"
)

// Transports that a client may use.
const (
	WebTransport = "webtransport"
	WebSocket    = "websocket"
)

// path is where edges serve sessions, unless a URL has another.
const path = "/weir"

// Config says how to reach a relay. URL and one of Token and TokenSource are required.
type Config struct {
	// URL of the edge: "https://relay.example:8443".
	URL string
	// WebSocketURL is where to open WebSockets, if not at URL: "wss://...", or "ws://..." on this machine.
	WebSocketURL string

	// Token is the user's token.
	Token string
	// TokenSource is asked for a token before each session, and for a fresh one before the session's expires. It is called
	// by one goroutine at a time, and should obey ctx.
	TokenSource func(ctx context.Context) (string, error)

	// Producer is the identity under which an earlier client has published (Pending.Identity), to be kept by this one so that
	// publications without a receipt can be repeated (Publication.Sequence). Empty: a fresh one.
	Producer string

	// TLS is the basis of TLS for both transports, for instance with RootCAs. It is cloned.
	TLS *tls.Config
	// CAFile is a PEM file with the authorities to trust instead of the system's.
	CAFile string
	// CertificateHashes are SHA-256 hashes, in hexadecimal, of certificates to trust whoever made them: development
	// relays print theirs. If there are any, no other certificate is trusted.
	CertificateHashes []string
	// Insecure accepts any certificate. For tests only.
	Insecure bool

	// Transports to try, in this order: the next one half a second after the one before, or at once when that failed. Empty:
	// WebTransport, then WebSocket.
	Transports []string
	// Agent is the name and version that the edge's operator sees. Empty: "weir-go/1".
	Agent string
	// OnState is told of every change of state, one at a time, and must return soon. Nil: nobody is told.
	OnState func(Status)
	// Logger receives the log. Nil: slog.Default().
	Logger *slog.Logger
	// MaxPending bounds the publications without receipt, connected or not. At that bound publishing waits.
	// 0: 1,024, which keeps a session's 256 in flight with some to follow.
	MaxPending int
	// MaxPendingBytes bounds their payloads, in bytes. 0: 8 MiB.
	MaxPendingBytes int
	// QueueBytes bounds what waits for the reader of one subscription, in bytes on the wire. 0: 2 MiB, twice the largest
	// batch, so that one can arrive while another is read.
	QueueBytes int
}

// Bounds of the configuration, and its defaults.
const (
	defaultAgent          = "weir-go/1"
	defaultPending        = 1024
	defaultPendingBytes   = 8 << 20
	defaultQueueBytes     = 2 << 20
	maxSubscriptions      = 4096 // of one client; a session's limit comes with WELCOME and is far lower
	tokenTimeout          = 30 * time.Second
	maxURL                = 2048
	maxCertificatesPinned = 64
)

func (c *Config) validate() error {
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil || len(c.URL) > maxURL {
		// Without the URL: it may hold a secret where none should be.
		return errors.New("the URL must be https://host:port, without user, query or fragment")
	}
	if c.WebSocketURL != "" {
		u, err := url.Parse(c.WebSocketURL)
		if err != nil || u.Scheme != "wss" && u.Scheme != "ws" || u.Host == "" {
			return errors.New("the WebSocket URL must be wss://host:port, or ws://host:port on this machine")
		}
	}
	if (c.Token == "") == (c.TokenSource == nil) {
		return errors.New("give either a token or a source of tokens")
	}
	if _, err := producer.Parse(c.Producer); c.Producer != "" && err != nil {
		return fmt.Errorf("the producer is no identity: %w", err)
	}
	for i, transport := range c.Transports {
		if transport != WebTransport && transport != WebSocket || slices.Contains(c.Transports[:i], transport) {
			return fmt.Errorf("the transport %q is neither %q nor %q, or named twice", transport, WebTransport, WebSocket)
		}
	}
	if len(c.CertificateHashes) > maxCertificatesPinned {
		return fmt.Errorf("%d certificate hashes, at most %d are allowed", len(c.CertificateHashes), maxCertificatesPinned)
	}
	if c.MaxPending < 0 || c.MaxPendingBytes < 0 || c.QueueBytes < 0 {
		return errors.New("bounds must not be negative")
	}
	return nil
}

func (c Config) withDefaults() Config {
	if len(c.Transports) == 0 {
		c.Transports = []string{WebTransport, WebSocket}
	}
	if c.Agent == "" {
		c.Agent = defaultAgent
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.OnState == nil {
		c.OnState = func(Status) {}
	}
	if c.MaxPending == 0 {
		c.MaxPending = defaultPending
	}
	if c.MaxPendingBytes == 0 {
		c.MaxPendingBytes = defaultPendingBytes
	}
	if c.QueueBytes == 0 {
		c.QueueBytes = defaultQueueBytes
	}
	return c
}

// webTransportURL returns where sessions are over WebTransport.
func (c *Config) webTransportURL() string {
	u, err := url.Parse(c.URL)
	if err != nil { // validate has parsed it
		return c.URL
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = path
	}
	return u.String()
}

// webSocketURL returns where sessions are over WebSocket.
func (c *Config) webSocketURL() string {
	if c.WebSocketURL == "" {
		return "wss" + c.webTransportURL()[len("https"):]
	}
	u, err := url.Parse(c.WebSocketURL)
	if err != nil { // validate has parsed it
		return c.WebSocketURL
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = path
	}
	return u.String()
}
