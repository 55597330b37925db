package edgeclient

import (
	"context"
	"time"

	"weir/proto/fault"
	"weir/proto/frame"
	"weir/proto/weirpb"
)

// pongTimeout is how long a server may leave a ping unanswered.
const pongTimeout = 5 * time.Second

// pingPadding makes packets with a ping longer than 42 bytes, so that a restarted server answers them with a stateless
// reset (RFC 9000, section 10.3.3).
const pingPadding = 32

// Refreshing a token (SPEC.md, section 8).
const (
	refreshMargin = 30 * time.Second // at least so long before its end
	refreshRetry  = 5 * time.Second  // at least so long after a failed attempt
)

// tend does what is due without anything having happened: it gives up on silence, pings, refreshes the token, sends
// again what was refused for the time being.
func (s *session) tend() {
	t := tending{session: s}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-timer.C:
		case <-s.kick:
		case <-s.ctx.Done():
			return
		}
		timer.Reset(time.Until(t.step(time.Now())))
	}
}

// tending is what tend keeps between its steps.
type tending struct {
	session  *session
	pingedAt time.Time // of the ping that is not answered by any frame
	nonce    uint64
}

// step does what is due, and returns when to look again.
func (t *tending) step(now time.Time) time.Time {
	s := t.session
	c := s.client
	c.mu.Lock()
	established, ping := s.established, s.limits.ping
	next := earlier(c.retry(s, now), s.refresh(now))
	c.mu.Unlock()
	if established.IsZero() {
		deadline := s.began.Add(welcomeTimeout)
		if !now.Before(deadline) {
			s.end(fault.New(fault.Timeout, "the server did not answer HELLO within %s", welcomeTimeout))
		}
		return deadline
	}
	return earlier(next, t.ping(now, ping))
}

// ping pings a silent server, and gives up on one that stays so.
func (t *tending) ping(now time.Time, interval time.Duration) time.Time {
	s := t.session
	heard := s.began.Add(time.Duration(s.heard.Load()))
	if now.Sub(heard) < interval {
		t.pingedAt = time.Time{}
		return heard.Add(interval)
	}
	if t.pingedAt.IsZero() {
		t.pingedAt = now
		t.nonce++
		s.send(frame.Ping, &weirpb.Ping{Nonce: t.nonce, Padding: make([]byte, pingPadding)})
	}
	deadline := t.pingedAt.Add(pongTimeout)
	if !now.Before(deadline) {
		s.end(fault.New(fault.IdleTimeout, "the server has not been heard from for %s", now.Sub(heard).Round(time.Second)))
	}
	return deadline
}

// granted notes for how long the session's token serves, from now on; 0: for ever. The caller holds client.mu.
func (s *session) granted(life time.Duration, now time.Time) {
	s.refreshAt = time.Time{}
	if life <= 0 || s.client.cfg.TokenSource == nil {
		return
	}
	margin := max(life/10, refreshMargin)
	if margin >= life {
		margin = life / 2
	}
	s.tokenUntil, s.refreshAt = now.Add(life), now.Add(life-margin)
}

// refresh gets a fresh token if it is time to, and returns when to look again, zero for never. The caller holds client.mu.
func (s *session) refresh(now time.Time) time.Time {
	if s.refreshAt.IsZero() || now.Before(s.refreshAt) {
		return s.refreshAt
	}
	s.refreshAt = now.Add(max(s.tokenUntil.Sub(now)/4, refreshRetry))
	s.tasks.Go(func() { s.refreshToken(s.ctx) })
	return s.refreshAt
}

func (s *session) refreshToken(ctx context.Context) {
	if !s.refreshing.CompareAndSwap(false, true) {
		return // the source is slow; the attempt before goes on
	}
	defer s.refreshing.Store(false)
	token, err := s.client.token(ctx)
	if err != nil {
		s.client.logger.Warn("no fresh token for the session", "err", err)
		return
	}
	s.send(frame.Refresh, &weirpb.Refresh{Token: token})
}

// earlier returns the earlier of two times; zero is never.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
