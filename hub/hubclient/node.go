package hubclient

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"
)

const (
	// connecting bounds one attempt to connect.
	connecting = 3 * time.Second
	// firstBackoff and lastBackoff bound the wait between attempts, doubled each time and with jitter: a hub that
	// restarts must not be met by all its edges at once.
	firstBackoff = 100 * time.Millisecond
	lastBackoff  = 2 * time.Second
)

// backoff returns how long to wait after that many failures in a row.
func backoff(failures int) time.Duration {
	d := lastBackoff
	if failures < 10 { // beyond, the shift would say nothing more
		d = min(firstBackoff<<failures, lastBackoff)
	}
	return d/2 + rand.N(d/2)
}

// complaints are what was said last of each address: the same is not said again with each attempt.
type complaints map[string]string

// level returns how severe it is that there is no connection to an address: news, or what has been said already.
func (c complaints) level(addr string, err error) slog.Level {
	if c[addr] == err.Error() {
		return slog.LevelDebug
	}
	c[addr] = err.Error()
	return slog.LevelWarn
}

// findRegion connects to any node while there is no connection: the first time, and whenever all are lost. From then on
// the nodes themselves say who else there is.
func (c *Client) findRegion() {
	failures, complaints := 0, complaints{}
	for n := 0; ; n++ {
		if !c.whileUnconnected() {
			return
		}
		addr := c.cfg.Addrs[n%len(c.cfg.Addrs)]
		s, err := c.connect(addr)
		if err == nil {
			failures = 0
			clear(complaints)
			c.adopt(s)
			continue
		}
		wait := backoff(failures)
		failures++
		if c.running.Err() == nil {
			c.log.Log(c.running, complaints.level(addr, err), "not connected to the hub, still trying", "hub", addr, "reason", err)
		}
		if !c.pause(wait) {
			return
		}
	}
}

// whileUnconnected waits until there is no connection. It reports whether the client is still open.
func (c *Client) whileUnconnected() bool {
	for {
		c.mu.Lock()
		alone, changed := c.home == nil, c.changed
		c.mu.Unlock()
		if alone {
			return c.running.Err() == nil
		}
		select {
		case <-changed:
		case <-c.running.Done():
			return false
		}
	}
}

// pause waits. It reports whether the client is still open.
func (c *Client) pause(d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-c.running.Done():
		return false
	}
}

// keepUp keeps a session to one node up until ctx ends: the node has left the region, or the client is closed.
func (c *Client) keepUp(ctx context.Context, node string) {
	failures, complaints := 0, complaints{}
	for {
		addr, ok := c.whileDown(ctx, node)
		if !ok {
			return
		}
		s, err := c.connect(addr)
		switch {
		case err == nil && s.node == node:
			failures = 0
			clear(complaints)
			c.adopt(s)
			continue
		case err == nil:
			_ = s.conn.CloseWithError(0, "")
			err = fmt.Errorf("at this address is %q", s.node)
		}
		wait := backoff(failures)
		failures++
		if ctx.Err() == nil {
			c.log.Log(ctx, complaints.level(addr, err), "not connected to a node of the hub, still trying", "node", node, "hub", addr, "reason", err)
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return
		}
	}
}

// whileDown waits until there is no session to a node and its address is known.
func (c *Client) whileDown(ctx context.Context, node string) (addr string, ok bool) {
	for {
		c.mu.Lock()
		up, addr, changed := c.sessions[node] != nil, c.routes.Addresses()[node], c.changed
		c.mu.Unlock()
		if !up && addr != "" {
			return addr, ctx.Err() == nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return "", false
		}
	}
}
