package edgeclient

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"weir/proto/fault"
)

// maxTokenRefusals is how often in a row a fresh token may be refused before the client gives up: the first may have
// been minted from a stale cache.
const maxTokenRefusals = 3

// preferenceTime is for how long the transport that won is tried first. Then the order is as configured again: what
// blocks UDP may be behind a laptop that has moved.
const preferenceTime = 10 * time.Minute

// connector is what run keeps from session to session.
type connector struct {
	backoff       backoff
	tokenRefusals int
	order         []string // of transports
	orderUntil    time.Time
}

// run keeps the client connected until it is closed or can't be.
func (c *Client) run() {
	k := connector{order: c.cfg.Transports}
	c.setStatus(Status{State: Connecting})
	for {
		began := time.Now()
		stood, err := c.attempt(&k)
		if c.ctx.Err() != nil {
			c.giveUp(context.Cause(c.ctx))
			return
		}
		if c.hopeless(&k, err) {
			c.giveUp(err)
			return
		}
		wait := k.backoff.next(stood, retryAfter(err))
		c.logger.Warn("no session at the edge", "err", err, "stood", stood, "after", time.Since(began), "retry_in", wait)
		c.setStatus(Status{State: Reconnecting, Err: err, RetryIn: wait})
		select {
		case <-time.After(wait):
		case <-c.ctx.Done():
		}
	}
}

// attempt opens a session and runs it to its end. It returns for how long it stood, and why it ended or never began.
func (c *Client) attempt(k *connector) (stood time.Duration, err error) {
	token, err := c.token(c.ctx)
	if err != nil {
		return 0, fmt.Errorf("get a token: %w", err)
	}
	if time.Now().After(k.orderUntil) {
		k.order = c.cfg.Transports
	}
	l, err := race(c.ctx, k.order, c.dial, &c.losers)
	if err != nil {
		return 0, err
	}
	if winner := l.transport(); winner != k.order[0] {
		k.order = slices.Concat([]string{winner}, slices.DeleteFunc(slices.Clone(k.order), func(t string) bool { return t == winner }))
		k.orderUntil = time.Now().Add(preferenceTime)
	}
	s := newSession(c, l, token)
	err = s.run()
	if stood = s.stood(); stood > 0 {
		k.tokenRefusals = 0
	}
	return stood, err
}

// token returns the token for a session.
func (c *Client) token(ctx context.Context) (string, error) {
	if c.cfg.TokenSource == nil {
		return c.cfg.Token, nil
	}
	ctx, cancel := context.WithTimeout(ctx, tokenTimeout)
	defer cancel()
	token, err := c.cfg.TokenSource(ctx)
	if err == nil && token == "" {
		err = errors.New("the source gave an empty one")
	}
	return token, err
}

// hopeless reports whether there is no point in another attempt.
func (c *Client) hopeless(k *connector, err error) bool {
	if !refusedForGood(err) {
		return false
	}
	switch fault.CodeOf(err) {
	case fault.TokenExpired, fault.TokenInvalid, fault.Unauthenticated:
		k.tokenRefusals++
		return c.cfg.TokenSource == nil || k.tokenRefusals >= maxTokenRefusals
	}
	return true
}

// retryAfter returns how long the server asked to wait, 0 if it did not.
func retryAfter(err error) time.Duration {
	if f, ok := errors.AsType[*fault.Fault](err); ok {
		return f.RetryAfter
	}
	return 0
}
