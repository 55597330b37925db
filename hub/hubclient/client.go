// Package hubclient is an edge's and a tool's side of the link to the hub of their region. A Client is all that an edge
// needs of a hub: it publishes, follows channels, mirrors the control state and fetches modules. It keeps a connection to
// each of the hub's nodes, knows which of them leads what, and sends everything there. Package hub/link is the other side.
package hubclient

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/quic-go/quic-go"

	"weir/hub/internal/gro"
	"weir/hub/internal/outbox"
	"weir/hub/internal/routing"
	"weir/proto/fault"
)

// Config says which hub to talk to. Addrs and TLS are required, unless there is Local.
type Config struct {
	// Addrs are UDP addresses of the region's hub nodes: one that answers is enough to learn the others.
	Addrs []string
	// TLS shows who the client is and whom it takes for a hub: link.EdgeTLS.
	TLS *tls.Config
	// Agent names the client in the hub's log: "weir/0.1.0".
	Agent string
	// Local is the region's node that this process is, which needs no connection. Nil: none is.
	Local *Local
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
	// patience is how long a request waits for a leader and a connection to it: longer than an election takes.
	patience = 8 * time.Second
)

// bounds of what waits for the hub: some tenths of a second of what it takes in. Beyond, publishers are told that it is
// busy, before memory is gone and while they may still do something else. A shard has at most half.
var bounds = outbox.Limits{Items: 8192, Bytes: 32 << 20, LaneItems: 4096, LaneBytes: 16 << 20}

// A Client is safe for concurrent use.
type Client struct {
	cfg       Config
	log       *slog.Logger
	metrics   *metrics
	transport *quic.Transport
	stop      context.CancelCauseFunc
	running   context.Context // ends with Close
	tasks     sync.WaitGroup
	closing   sync.Once
	closed    error         // set once by closing
	kick      chan struct{} // holds at most one token: something is due sooner than the clock knows

	mu       sync.Mutex
	box      *outbox.Box                   // guarded by mu
	due      time.Time                     // when the clock looks next, zero: not before it is kicked; guarded by mu
	routes   *routing.Routes               // guarded by mu
	sessions map[string]*session           // by node; guarded by mu
	home     *session                      // where control requests go; nil: nowhere; guarded by mu
	numbers  outbox.Session                // of sessions; guarded by mu
	keepers  map[string]context.CancelFunc // of those who keep a session up, by node; guarded by mu
	pins     map[pinKey]map[*pin]struct{}  // guarded by mu
	changed  chan struct{}                 // closed and replaced when sessions or routes change; guarded by mu
	shut     bool                          // guarded by mu
}

var errClosed = fault.New(fault.Unavailable, "the client of the hub link is closed")

// New returns a client and begins to connect; it does not wait for the hub. Close ends it.
func New(cfg Config) (*Client, error) {
	if (len(cfg.Addrs) == 0 && cfg.Local == nil) || cfg.TLS == nil {
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
	c := newClient(cfg)
	var err error
	if c.metrics, err = newMetrics(cfg.Registerer, c.outstanding); err != nil {
		return nil, fmt.Errorf("hubclient: %w", err)
	}
	conn, err := cfg.Listen()
	if err != nil {
		return nil, fmt.Errorf("hubclient: %w", err)
	}
	c.transport = &quic.Transport{Conn: gro.Wrap(conn)}
	c.tasks.Go(c.clock)
	if cfg.Local != nil {
		c.adopt(c.localSession())
	}
	if len(cfg.Addrs) > 0 {
		c.tasks.Go(c.findRegion)
	}
	return c, nil
}

// newClient returns a client without connections and goroutines.
func newClient(cfg Config) *Client {
	c := &Client{
		cfg: cfg, log: cfg.Logger, kick: make(chan struct{}, 1),
		box: outbox.New(bounds), routes: routing.New(), sessions: map[string]*session{},
		keepers: map[string]context.CancelFunc{}, pins: map[pinKey]map[*pin]struct{}{}, changed: make(chan struct{}),
	}
	c.running, c.stop = context.WithCancelCause(context.Background())
	return c
}

// Close ends all connections. Publications without an answer fail, with unavailable, and so do all other calls.
func (c *Client) Close() error {
	c.mu.Lock()
	c.shut = true
	c.mu.Unlock()
	c.stop(errClosed)
	c.tasks.Wait()
	c.update(func(time.Time) { c.box.Close(errClosed) })
	c.closing.Do(func() { c.closed = errors.Join(c.transport.Close(), c.transport.Conn.Close()) })
	return c.closed
}

// Ready waits until there is a connection to a node of the hub that has told who leads what.
func (c *Client) Ready(ctx context.Context) error {
	for {
		c.mu.Lock()
		ready, changed := c.home != nil && c.routes.Shards() > 0, c.changed
		c.mu.Unlock()
		if ready {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ended(ctx)
		case <-c.running.Done():
			return errClosed
		}
	}
}

// ended is why a call returns whose context has ended.
func ended(ctx context.Context) error {
	var f *fault.Fault
	if cause := context.Cause(ctx); errors.As(cause, &f) {
		return f
	}
	return fault.New(fault.Timeout, "the caller's time is up").WithCause(context.Cause(ctx))
}

// update gives the outbox an input and does what it then asks for.
func (c *Client) update(input func(now time.Time)) {
	c.mu.Lock()
	input(time.Now())
	c.act()
}

// act does what the outbox asks for, and unlocks mu, which is held.
func (c *Client) act() {
	effects := c.box.Flush()
	due := c.box.Next()
	sooner := !due.IsZero() && (c.due.IsZero() || due.Before(c.due))
	for _, n := range effects.Wake {
		for _, s := range c.sessions {
			if s.number == n {
				s.signal()
			}
		}
	}
	c.mu.Unlock()
	if sooner {
		c.signal()
	}
	for _, settled := range effects.Settled {
		c.metrics.published(settled.Fault)
		if settled.Fault != nil {
			settled.Item.Done(nil, settled.Fault)
		} else {
			settled.Item.Done(settled.Receipt, nil)
		}
	}
}

func (c *Client) signal() {
	select {
	case c.kick <- struct{}{}:
	default:
	}
}

// clock lets time pass for the outbox and for what must move to another leader.
func (c *Client) clock() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		c.mu.Lock()
		now := time.Now()
		c.box.Tick(now)
		c.due = sooner(c.box.Next(), c.unpin(now))
		wait := time.Hour // until it is kicked
		if !c.due.IsZero() {
			wait = max(0, c.due.Sub(now))
		}
		c.act()
		timer.Reset(wait)
		select {
		case <-timer.C:
		case <-c.kick:
		case <-c.running.Done():
			return
		}
	}
}

// sooner returns the earlier of two times, of which a zero one is never.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}

func (c *Client) outstanding() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.box.Len()
}
