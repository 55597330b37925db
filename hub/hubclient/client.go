// Package hubclient is an edge's side of the link to the hub of its region. A Client is all that an edge needs of a hub:
// it publishes, follows channels, mirrors the control state and fetches modules, over one connection that it makes anew
// when it is lost. Package hub/link is the other side.
package hubclient

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/quic-go/quic-go"

	"weir/hub/internal/linkwire"
	"weir/proto/fault"
)

// Config says which hub to talk to. Addrs and TLS are required.
type Config struct {
	// Addrs are the UDP addresses of the region's hub nodes, tried in turn.
	Addrs []string
	// TLS shows who the edge is and whom it takes for a hub: link.EdgeTLS.
	TLS *tls.Config
	// Agent names the edge in the hub's log: "weir/0.1.0".
	Agent string
	// Logger: nil is slog.Default().
	Logger *slog.Logger
	// Registerer receives the metrics of the client in hub/link/METRICS.md. Nil: none are exported.
	Registerer prometheus.Registerer
	// Timeout bounds how long a publication waits for its answer, reconnecting included. 0: 20 seconds.
	Timeout time.Duration
	// Listen makes the client's socket. Nil: a UDP socket on a free port.
	Listen func() (net.PacketConn, error)
}

const (
	defaultTimeout = 20 * time.Second
	// connecting bounds one attempt to connect, patience how long a request waits for a connection.
	connecting = 5 * time.Second
	patience   = 5 * time.Second
	// firstBackoff and lastBackoff bound the wait between attempts, doubled each time and with jitter: a hub that
	// restarts must not be met by all its edges at once.
	firstBackoff = 100 * time.Millisecond
	lastBackoff  = 5 * time.Second
)

// A Client is safe for concurrent use.
type Client struct {
	cfg       Config
	log       *slog.Logger
	metrics   *metrics
	transport *quic.Transport
	outbox    *outbox
	stop      context.CancelCauseFunc
	running   context.Context // ends with Close
	tasks     sync.WaitGroup
	ids       atomic.Uint64 // of publications
	closing   sync.Once
	closed    error // set once by closing

	mu      sync.Mutex
	session *session      // guarded by mu; nil while there is no connection
	changed chan struct{} // guarded by mu; closed when session changes
}

var errClosed = fault.New(fault.Unavailable, "the client of the hub link is closed")

// New returns a client and begins to connect; it does not wait for the hub. Close ends it.
func New(cfg Config) (*Client, error) {
	if len(cfg.Addrs) == 0 || cfg.TLS == nil {
		return nil, errors.New("hubclient: Addrs and TLS are required")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = defaultTimeout
	}
	if cfg.Listen == nil {
		cfg.Listen = func() (net.PacketConn, error) { return net.ListenUDP("udp", nil) }
	}
	out := newOutbox()
	m, err := newMetrics(cfg.Registerer, out.len)
	if err != nil {
		return nil, fmt.Errorf("hubclient: %w", err)
	}
	conn, err := cfg.Listen()
	if err != nil {
		return nil, fmt.Errorf("hubclient: %w", err)
	}
	c := &Client{
		cfg: cfg, log: cfg.Logger, metrics: m, transport: &quic.Transport{Conn: conn},
		outbox: out, changed: make(chan struct{}),
	}
	c.running, c.stop = context.WithCancelCause(context.Background())
	c.tasks.Go(c.stayConnected)
	c.tasks.Go(c.expire)
	return c, nil
}

// Close ends the connection. Publications without an answer fail, with unavailable, and so do all other calls.
func (c *Client) Close() error {
	c.stop(errClosed)
	c.tasks.Wait()
	for _, e := range c.outbox.close() {
		c.fail(e, errClosed)
	}
	c.closing.Do(func() { c.closed = errors.Join(c.transport.Close(), c.transport.Conn.Close()) })
	return c.closed
}

// Ready waits until there is a connection to a hub.
func (c *Client) Ready(ctx context.Context) error {
	_, err := c.connection(ctx)
	return err
}

// stayConnected keeps a session up until the client is closed.
func (c *Client) stayConnected() {
	ctx := c.running
	failures := 0
	for n := 0; ctx.Err() == nil; n++ {
		addr := c.cfg.Addrs[n%len(c.cfg.Addrs)]
		s, err := c.connect(ctx, addr)
		c.metrics.connected(err)
		if err == nil {
			failures = 0
			c.log.Info("connected to the hub", "hub", addr, "node", s.node, "agent", s.agent)
			c.use(s)
			err = s.run(ctx)
			c.use(nil)
			c.lost(err)
		}
		if ctx.Err() != nil {
			return
		}
		wait := backoff(failures)
		failures++
		c.log.Warn("not connected to the hub", "hub", addr, "reason", err, "retry_in", wait)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
		}
	}
}

// backoff returns how long to wait after that many failures in a row.
func backoff(failures int) time.Duration {
	d := lastBackoff
	if failures < 10 { // beyond, the shift would say nothing more
		d = min(firstBackoff<<failures, lastBackoff)
	}
	return d/2 + rand.N(d/2)
}

// use makes s the session that requests use; nil: there is none.
func (c *Client) use(s *session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session = s
	close(c.changed)
	c.changed = make(chan struct{})
	c.metrics.up.Set(boolGauge(s != nil))
}

// connection returns the present session, for which it waits a while.
func (c *Client) connection(ctx context.Context) (*session, error) {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		c.mu.Lock()
		s, changed := c.session, c.changed
		c.mu.Unlock()
		if s != nil {
			return s, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ended(ctx)
		case <-c.running.Done():
			return nil, errClosed
		case <-deadline.C:
			return nil, fault.New(fault.Unavailable, "there is no connection to the hub").
				WithHint("see the edge's log for why; is the hub up, and may its UDP port be reached?")
		}
	}
}

// ended is why a call returns whose caller has ended it.
func ended(ctx context.Context) error {
	return fault.New(fault.Timeout, "the caller's time is up").WithCause(context.Cause(ctx))
}

// Publications are checked for their age this often: their timeout is seconds.
const expiryInterval = time.Second

func (c *Client) expire() {
	ticker := time.NewTicker(expiryInterval)
	defer ticker.Stop()
	for {
		select {
		case now := <-ticker.C:
			for _, e := range c.outbox.expired(now) {
				c.fail(e, expiredFault(e))
			}
		case <-c.running.Done():
			return
		}
	}
}

// closeCode is what a connection is closed with from this side.
func closeCode(err error) quic.ApplicationErrorCode {
	if linkwire.IsViolation(err) {
		return linkwire.CodeViolation
	}
	return linkwire.CodeDone
}
