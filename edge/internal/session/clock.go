package session

import (
	"sync"
	"sync/atomic"
	"time"

	"weir/proto/fault"
	"weir/proto/frame"
	"weir/proto/weirpb"
)

// A clock watches a session's deadlines. It is a timer, not a goroutine: an idle session has neither.
type clock struct {
	session *session

	mu      sync.Mutex
	timer   *time.Timer // nil before start and after stop
	pinged  time.Time
	nonce   uint64
	revoked time.Time // when the token's signing key was found to be gone; zero: it is not
}

// leastTick keeps a clock that is a little early from spinning.
const leastTick = 100 * time.Millisecond

func (c *clock) start() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timer = time.AfterFunc(pingInterval, c.tick)
	c.armLocked(time.Now())
}

func (c *clock) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer != nil {
		c.timer.Stop()
		c.timer = nil
	}
}

// revoke notes whether the signing key of the session's token is gone.
func (c *clock) revoke(gone bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !gone:
		c.revoked = time.Time{}
	case c.revoked.IsZero():
		c.revoked = time.Now()
	}
	c.armLocked(time.Now())
}

// armLocked sets the timer for the next deadline.
func (c *clock) armLocked(now time.Time) {
	if c.timer == nil {
		return
	}
	s := c.session
	heard := time.Unix(0, s.heard.Load())
	next := heard.Add(pingInterval)
	if c.pinged.After(heard) {
		next = c.pinged.Add(pingInterval)
	}
	for _, deadline := range []time.Time{heard.Add(idleTimeout), c.tokenEnd()} {
		if deadline.Before(next) {
			next = deadline
		}
	}
	c.timer.Reset(max(next.Sub(now), leastTick))
}

// tokenEnd returns until when the session's token lets it go on.
func (c *clock) tokenEnd() time.Time {
	end := c.session.claims.Load().Expires.Add(tokenGrace)
	if !c.revoked.IsZero() && c.revoked.Add(tokenGrace).Before(end) {
		return c.revoked.Add(tokenGrace)
	}
	return end
}

func (c *clock) tick() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer == nil {
		return
	}
	now := time.Now()
	if cause := c.due(now); cause != nil {
		c.session.end(cause)
		return
	}
	quiet := now.Add(-pingInterval)
	if !time.Unix(0, c.session.heard.Load()).After(quiet) && !c.pinged.After(quiet) {
		c.pinged = now
		c.nonce++
		c.session.out.send(frame.Ping, &weirpb.Ping{Nonce: c.nonce, Padding: make([]byte, pingPadding)})
	}
	c.armLocked(now)
}

// pingPadding makes a PING longer than a stateless reset (RFC 9000, section 10.3), in bytes.
const pingPadding = 32

// due returns the fault of a deadline that has passed.
func (c *clock) due(now time.Time) error {
	s := c.session
	switch {
	case !now.Before(time.Unix(0, s.heard.Load()).Add(idleTimeout)):
		return fault.New(fault.IdleTimeout, "nothing was heard from the client for %s", idleTimeout)
	case stalledFor(&s.data.stalled, now) >= stallMost, stalledFor(&s.out.stalled, now) >= stallMost:
		return errSlow
	case !now.Before(c.tokenEnd()) && !c.revoked.IsZero():
		return fault.New(fault.TokenExpired, "the key that signed the token was revoked").
			WithHint("connect again with a token signed by another key")
	case !now.Before(c.tokenEnd()):
		return fault.New(fault.TokenExpired, "the token has expired").WithHint("refresh the session's token before that")
	}
	return nil
}

func stalledFor(began *atomic.Int64, now time.Time) time.Duration {
	at := began.Load()
	if at == 0 {
		return 0
	}
	return now.Sub(time.Unix(0, at))
}
