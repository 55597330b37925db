package edgeclient

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"weir/proto/fault"
	"weir/proto/publisher"
)

// closeFlush is how long Close waits for publications without receipt.
const closeFlush = 5 * time.Second

// A Client keeps a session at an edge. It is safe for concurrent use.
type Client struct {
	cfg    Config
	logger *slog.Logger
	dial   dialFunc

	ctx    context.Context // ends with Close, or when the client gives up
	cancel context.CancelCauseFunc
	ended  chan struct{} // closed when the client's goroutines are gone
	losers sync.WaitGroup

	mu      sync.Mutex
	status  Status                     // guarded by mu
	session *session                   // the one that is established, or nil; guarded by mu
	subs    map[*Subscription]struct{} // guarded by mu
	pub     *publisher.Publisher       // guarded by mu
	changed chan struct{}              // closed and replaced when status or publisher change; guarded by mu
}

// New returns a client that connects in the background, and goes on trying until Close or an error that trying again
// would not cure. What is subscribed and published meanwhile waits for the session.
func New(cfg Config) (*Client, error) {
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("edge client: %w", err)
	}
	cfg = cfg.withDefaults()
	config, err := cfg.tlsConfig()
	if err != nil {
		return nil, fmt.Errorf("edge client: %w", err)
	}
	return newClient(cfg, dialer(cfg, config)), nil
}

// dialer opens links to where cfg says.
func dialer(cfg Config, config *tls.Config) dialFunc {
	return func(ctx context.Context, transport string) (link, error) {
		if transport == WebTransport {
			return dialWebTransport(ctx, cfg.webTransportURL(), config)
		}
		return dialWebSocket(ctx, cfg.webSocketURL(), config)
	}
}

func newClient(cfg Config, dial dialFunc) *Client {
	c := &Client{
		cfg: cfg, logger: cfg.Logger, dial: dial, ended: make(chan struct{}),
		subs: make(map[*Subscription]struct{}), pub: publisher.New(), changed: make(chan struct{}),
	}
	if cfg.Producer != "" {
		c.pub.Keep(cfg.Producer)
	}
	c.ctx, c.cancel = context.WithCancelCause(context.Background())
	go func() {
		defer close(c.ended)
		c.run()
		c.losers.Wait()
	}()
	return c
}

// Dial returns a client that is connected. If ctx ends before, or an error occurs that trying again would not cure, there
// is no client.
func Dial(ctx context.Context, cfg Config) (*Client, error) {
	c, err := New(cfg)
	if err != nil {
		return nil, err
	}
	if err := c.Ready(ctx); err != nil {
		c.cancel(ErrClosed)
		<-c.ended
		return nil, err
	}
	return c, nil
}

// Ready waits until the client is connected. It fails if ctx ends before, with the reason why there was no session, and
// if the client is closed.
func (c *Client) Ready(ctx context.Context) error {
	for {
		c.mu.Lock()
		status, changed := c.status, c.changed
		c.mu.Unlock()
		switch status.State {
		case Connected:
			return nil
		case Closed:
			return closedError(status.Err)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			if status.Err != nil {
				return fmt.Errorf("%w: %w", context.Cause(ctx), status.Err)
			}
			return context.Cause(ctx)
		}
	}
}

// Status returns what the client is at.
func (c *Client) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.status
}

// setStatus notes what the client is at, and tells. It is called by one goroutine at a time.
func (c *Client) setStatus(s Status) {
	c.mu.Lock()
	c.status = s
	c.signal()
	c.mu.Unlock()
	c.cfg.OnState(s)
}

// signal wakes who waits for a change. The caller holds mu.
func (c *Client) signal() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// Flush waits until every publication made so far is accepted or refused.
func (c *Client) Flush(ctx context.Context) error {
	for {
		c.mu.Lock()
		changed := c.changed
		count, _ := c.pub.Len()
		c.mu.Unlock()
		if count == 0 {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Close ends the client. Publications without receipt have five seconds to get one; those that do not fail with
// ErrClosed. Subscriptions end with ErrClosed.
func (c *Client) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeFlush)
	defer cancel()
	return c.Shutdown(ctx)
}

// Shutdown is Close that waits for receipts until ctx ends.
func (c *Client) Shutdown(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)()
	err := c.Flush(ctx)
	if c.ctx.Err() != nil { // closed before
		err = nil
	}
	c.cancel(ErrClosed)
	<-c.ended
	if err != nil {
		return errors.New("close the client: some publications were neither accepted nor refused")
	}
	return nil
}

// Interrupt cuts the session, as a failing network would. For tests and demonstrations.
func (c *Client) Interrupt() {
	c.mu.Lock()
	s := c.session
	c.mu.Unlock()
	if s != nil {
		s.end(errors.New("interrupted"))
	}
}

// closedError returns what a client that was closed because of err fails with.
func closedError(err error) error {
	if err == nil || errors.Is(err, ErrClosed) {
		return ErrClosed
	}
	return fmt.Errorf("%w: %w", ErrClosed, err)
}

// giveUp ends everything, for good.
func (c *Client) giveUp(err error) {
	c.cancel(err)
	if errors.Is(err, ErrClosed) {
		err = nil
	}
	c.mu.Lock()
	for sub := range c.subs {
		sub.finish(closedError(err))
	}
	clear(c.subs)
	c.pub.EndAll(closedError(err))
	c.status = Status{State: Closed, Err: err} // with the rest: who sees one sees all
	c.signal()
	c.mu.Unlock()
	if err != nil {
		c.logger.Error("the session is over for good", "err", err)
	}
	c.cfg.OnState(Status{State: Closed, Err: err})
}

// refusedForGood reports whether err is a fault that a new attempt can't cure.
func refusedForGood(err error) bool {
	if g, ok := errors.AsType[*goodbyeError](err); ok {
		return !g.retryable
	}
	if r, ok := errors.AsType[*refusedError](err); ok && r.fault != nil {
		return !r.fault.Code.Retryable()
	}
	f, ok := errors.AsType[*fault.Fault](err)
	return ok && f.Code == fault.VersionMismatch
}
