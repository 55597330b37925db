package session_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/edge/token"
	"weir/proto/frame"
	"weir/proto/weirpb"
)

func TestHelloTimeout(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.connect()
		began := time.Now()
		<-c.done
		if waited := time.Since(began); waited != 5*time.Second {
			t.Errorf("refused after %s, want 5 s", waited)
		}
		c.goodbye("hello_timeout")
	})
}

func TestQuietSessionIsPingedAndThenEnded(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.welcome(nil)
		time.Sleep(10 * time.Second)
		ping := &weirpb.Ping{}
		c.expect(frame.Ping, ping)
		if len(ping.GetPadding()) < 32 {
			t.Errorf("ping has %d bytes of padding, want 32", len(ping.GetPadding()))
		}
		c.Send(frame.Pong, &weirpb.Pong{Nonce: ping.GetNonce()})
		time.Sleep(9 * time.Second)
		synctest.Wait()
		if frames := c.Control(); len(frames) != 0 {
			t.Errorf("got %s within 10 s of a pong", show(frames))
		}
		began := time.Now()
		<-c.done
		if waited := time.Since(began); waited != 21*time.Second {
			t.Errorf("ended %s after, want 21 s", waited)
		}
		c.goodbye("idle_timeout")
	})
}

// chat keeps a session heard of for a while, or to its end.
func (c *client) chat(d time.Duration) {
	for range d / (5 * time.Second) {
		c.Send(frame.Ping, &weirpb.Ping{})
		select {
		case <-time.After(5 * time.Second):
		case <-c.done:
			return
		}
	}
}

func TestExpiredTokenEndsTheSessionUnlessRefreshed(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		minute := func(claims *token.Claims) { claims.Expires = time.Now().Add(time.Minute).Truncate(time.Second) }
		c := r.welcome(minute)
		refreshed := r.welcome(minute)
		r.clients.Go(func() { c.chat(2 * time.Minute) })
		refreshed.chat(50 * time.Second)
		synctest.Wait()
		refreshed.Control()
		refreshed.Send(frame.Refresh, &weirpb.Refresh{Token: r.mint(nil)})
		m := &weirpb.Refreshed{}
		refreshed.expect(frame.Refreshed, m)
		if m.GetFault() != nil || m.GetTokenExpiresMs() != time.Now().Add(time.Hour).Truncate(time.Second).UnixMilli() {
			t.Errorf("refreshed %v", m)
		}
		refreshed.chat(30 * time.Second)
		c.goodbye("token_expired")
		select {
		case <-refreshed.done:
			t.Errorf("the refreshed session has ended")
		default:
		}
	})
}

func TestRefreshRefused(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.welcome(nil)
		for name, bad := range map[string]string{
			"nonsense":        "nonsense",
			"another subject": r.mint(func(claims *token.Claims) { claims.Subject = "bob" }),
		} {
			c.Send(frame.Refresh, &weirpb.Refresh{Token: bad})
			m := &weirpb.Refreshed{}
			c.expect(frame.Refreshed, m)
			if m.GetFault() == nil || m.GetTokenExpiresMs() == 0 {
				t.Errorf("%s: %v, want a fault and the older token's end", name, m)
			}
		}
		if strings.Contains(r.log.String(), "nonsense") {
			t.Errorf("a token is in the log")
		}
	})
}

func TestRefreshEndsSubscriptionsThatItDoesNotPermit(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.welcome(nil)
		c.Send(frame.Subscribe, &weirpb.Subscribe{Subscription: 1, Channel: "log:a"})
		c.Send(frame.Subscribe, &weirpb.Subscribe{Subscription: 2, Channel: "log:b"})
		c.Send(frame.Subscribe, &weirpb.Subscribe{Subscription: 3, Channel: "log:c"})
		synctest.Wait()
		c.Control()
		c.Send(frame.Refresh, &weirpb.Refresh{Token: r.mint(func(claims *token.Claims) {
			claims.Subscribe = []string{"log:b", "log:c"}
			claims.Pinned = []token.Pin{{Channels: []string{"log:c"}, Filter: "range", Params: []byte("15")}}
		})})
		synctest.Wait()
		ended := map[uint32]string{}
		for _, f := range c.Control() {
			m := &weirpb.Unsubscribed{}
			if f.Type == frame.Unsubscribed && frame.Decode(f.Body, m) == nil {
				ended[m.GetSubscription()] = m.GetFault().GetCode()
			}
		}
		if len(ended) != 2 || ended[1] != "permission_denied" || ended[3] != "permission_denied" {
			t.Errorf("ended %v, want 1 and 3 with permission_denied", ended)
		}
	})
}

func TestRevokedKeyEndsItsSessions(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.welcome(nil)
		r.hub.Drop(&weirpb.SigningKey{Tenant: "acme", Id: "key-1"})
		began := time.Now()
		<-c.done
		if waited := time.Since(began); waited != 10*time.Second {
			t.Errorf("ended after %s, want the grace of 10 s", waited)
		}
		c.goodbye("token_expired")
		refused := r.connect()
		refused.Send(frame.Hello, &weirpb.Hello{Token: r.mint(nil)})
		refused.goodbye("token_invalid")
	})
}

func TestDeletedTenantEndsItsSessions(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.welcome(nil)
		r.hub.Drop(&weirpb.Tenant{Name: "acme"})
		c.goodbye("token_invalid")
	})
}

func TestSlowClientIsDroppedAndHarmsNobody(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		slow, quick := r.welcome(nil), r.welcome(nil)
		for _, c := range []*client{slow, quick} {
			c.Send(frame.Subscribe, &weirpb.Subscribe{Subscription: 1, Channel: "log:a"})
			c.expect(frame.Subscribed, &weirpb.Subscribed{})
		}
		slow.Stick(true)
		began := time.Now()
		r.hub.Add("acme", "log:a", "", "1")
		if got := quick.items(1); got != "1 " {
			t.Errorf("the quick client got %q", got)
		}
		r.clients.Go(func() { quick.chat(time.Minute) })
		slow.chat(time.Minute)
		<-slow.done
		if waited := time.Since(began); waited < 30*time.Second || waited > 61*time.Second {
			t.Errorf("dropped after %s", waited)
		}
		if !strings.Contains(r.log.String(), "has not read") {
			t.Errorf("the log does not say why:\n%s", r.log.String())
		}
		select {
		case <-quick.done:
			t.Errorf("the quick client was dropped as well")
		default:
		}
	})
}

func TestSessionsAreBounded(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		for range 5 {
			r.welcome(nil)
		}
		c := r.connect()
		c.Send(frame.Hello, &weirpb.Hello{Token: r.mint(nil)})
		if f := c.goodbye("too_many_sessions"); f.GetRetryAfterMs() < 2000 || f.GetRetryAfterMs() > 4000 {
			t.Errorf("told to wait %d ms, want 2 to 4 s", f.GetRetryAfterMs())
		}
		for range 5 {
			r.connect()
		}
		synctest.Wait()
		r.connect().goodbye("too_many_sessions")
	})
}

func TestDrainSpreadsTheClients(t *testing.T) {
	for over, last := range map[time.Duration]time.Duration{
		20 * time.Millisecond: 15 * time.Millisecond,
		time.Hour:             30 * time.Millisecond, // they are few
	} {
		inBubble(t, func(t *testing.T, r *rig) {
			clients := []*client{r.welcome(nil), r.welcome(nil), r.welcome(nil), r.welcome(nil)}
			began := time.Now()
			if err := r.host.Drain(context.Background(), over); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(began); took != last {
				t.Errorf("over %s: took %s, want the last of four to be told after %s", over, took, last)
			}
			for _, c := range clients {
				if f := c.goodbye("draining"); !f.GetRetryable() || f.GetRetryAfterMs() == 0 {
					t.Errorf("goodbye %v", f)
				}
			}
			r.connect().goodbye("draining")
		})
	}
}

func TestDrainGivesUpWithItsContext(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.welcome(nil)
		r.welcome(nil)
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Millisecond)
		defer cancel()
		if err := r.host.Drain(ctx, time.Hour); err == nil {
			t.Errorf("drained before the second was to be told")
		}
	})
}
