package session_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/edge/internal/fakeconn"
	"weir/edge/token"
	"weir/proto/frame"
	"weir/proto/weirpb"
)

// mintWith is mint with another key.
func (r *rig) mintWith(key *token.PrivateKey, edit func(*token.Claims)) string {
	r.t.Helper()
	own := r.key
	r.key = key
	defer func() { r.key = own }()
	return r.mint(edit)
}

// late makes something while the edge does not hear of it, has a request be sent that names it, and lets the edge hear of it.
func (r *rig) late(make, request func()) {
	r.t.Helper()
	synctest.Wait()
	r.hub.HoldControl(true)
	make()
	request()
	synctest.Wait()
	time.Sleep(150 * time.Millisecond)
	r.hub.HoldControl(false)
	synctest.Wait()
}

func TestWhatWasMadeAMomentAgoIsNotRefused(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		key := newKey(t, "key-2")
		c := r.connect()
		r.late(func() { r.putKey(key) }, func() {
			c.Send(frame.Hello, &weirpb.Hello{Token: r.mintWith(key, nil)})
		})
		c.expect(frame.Welcome, &weirpb.Welcome{})

		r.late(func() { r.hub.Put(&weirpb.Namespace{Tenant: "acme", Name: "late"}) }, func() {
			c.Send(frame.Subscribe, &weirpb.Subscribe{Subscription: 1, Channel: "late:a"})
		})
		c.expect(frame.Subscribed, &weirpb.Subscribed{})

		r.late(func() { r.hub.PutFilter("acme", "fresh", []byte("range module")) }, func() {
			c.Send(frame.Subscribe, &weirpb.Subscribe{
				Subscription: 2, Channel: "log:a", Filters: []*weirpb.FilterRef{{Name: "fresh", Params: []byte("1:5")}},
			})
		})
		c.expect(frame.Subscribed, &weirpb.Subscribed{})

		c.batches()
		r.late(func() { r.hub.PutFilter("acme", "fresh", []byte("range module")) }, func() {
			c.Send(frame.Params, &weirpb.Params{
				Subscription: 2, Revision: 1, Filters: []*weirpb.FilterRef{{Name: "fresh", Version: 2, Params: []byte("2:5")}},
			})
		})
		if b := c.batches(); len(b) == 0 || b[len(b)-1].GetRevision() != 1 {
			t.Errorf("params for a version that was pushed a moment ago: %v", b)
		}

		newer := newKey(t, "key-3")
		r.late(func() { r.putKey(newer) }, func() {
			c.Send(frame.Refresh, &weirpb.Refresh{Token: r.mintWith(newer, nil)})
		})
		refreshed := &weirpb.Refreshed{}
		if c.expect(frame.Refreshed, refreshed); refreshed.GetFault() != nil {
			t.Errorf("a newer token of a key that was made a moment ago: %v", refreshed.GetFault())
		}
	})
}

func TestTenantMadeAMomentAgo(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.connect()
		r.late(func() {
			r.hub.Put(&weirpb.Tenant{Name: "newcomer"})
			verifier, err := r.key.SigningKey("newcomer")
			if err != nil {
				t.Fatal(err)
			}
			r.hub.Put(verifier)
		}, func() {
			c.Send(frame.Hello, &weirpb.Hello{Token: r.mint(func(claims *token.Claims) { claims.Tenant = "newcomer" })})
		})
		c.expect(frame.Welcome, &weirpb.Welcome{})
	})
}

func TestNobodyIsRefusedForGoodWhileNothingIsCertain(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		key := newKey(t, "key-2")
		session := r.welcome(nil)
		r.hub.HoldControl(true)
		r.putKey(key)
		c := r.connect()
		c.Send(frame.Hello, &weirpb.Hello{Token: r.mintWith(key, nil)})
		session.Send(frame.Subscribe, &weirpb.Subscribe{Subscription: 1, Channel: "nowhere:a"})
		time.Sleep(2 * time.Second)
		f := c.goodbye("unavailable")
		if !f.GetRetryable() || f.GetRetryAfterMs() == 0 || f.GetHint() == "" {
			t.Errorf("a key that has not arrived: %v", f)
		}
		time.Sleep(2 * time.Second) // the question of both was one, or there were two
		u := &weirpb.Unsubscribed{}
		session.expect(frame.Unsubscribed, u)
		if u.GetFault().GetCode() != "unavailable" || !u.GetFault().GetRetryable() {
			t.Errorf("a namespace that may be on its way: %v", u.GetFault())
		}
	})
}

func TestWhoLeavesMeanwhileIsNotRefused(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		synctest.Wait()
		r.hub.HoldControl(true)
		r.hub.Put(&weirpb.Tenant{Name: "other"})
		ctx, lose := context.WithCancel(context.Background())
		c := &client{Conn: fakeconn.New(), t: t, done: make(chan struct{})}
		r.clients.Go(func() {
			defer close(c.done)
			r.host.Serve(ctx, c.Conn)
		})
		c.Send(frame.Hello, &weirpb.Hello{Token: r.mintWith(newKey(t, "none"), nil)})
		synctest.Wait()
		c.Leave()
		lose()
		<-c.done
		if log := r.log.String(); !strings.Contains(log, "client left before it was welcomed") || strings.Contains(log, "session refused") {
			t.Errorf("the log:\n%s", log)
		}
	})
}

func TestWhatIsCertainlyWrongIsRefusedAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		forged := newKey(t, "key-1") // the id of a key that is known, and another secret
		expired := func(claims *token.Claims) { claims.Expires = time.Now().Add(-time.Hour).Truncate(time.Second) }
		synctest.Wait()
		r.hub.HoldControl(true)
		r.hub.Put(&weirpb.Tenant{Name: "other"}) // something is on its way
		for _, test := range []struct{ name, token, code string }{
			{"nothing", "", "unauthenticated"},
			{"noise", "abc", "unauthenticated"},
			{"another secret", r.mintWith(forged, nil), "token_invalid"},
			{"expired", r.mint(expired), "token_expired"},
			{"expired, of an unknown key", r.mintWith(newKey(t, "none"), expired), "token_expired"},
		} {
			c := r.connect()
			c.Send(frame.Hello, &weirpb.Hello{Token: test.token})
			t.Log(test.name)
			c.goodbye(test.code)
		}
		if n := r.hub.Asked(); n != 0 {
			t.Errorf("the hub was asked %d times", n)
		}
	})
}

// TestStormOfUnknownKeys has clients come with tokens of keys that there are not, one wave after the other.
func TestStormOfUnknownKeys(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		began := time.Now()
		const waves = 200
		for i := range waves {
			var wave []*client
			for range 5 {
				c := r.connect()
				c.Send(frame.Hello, &weirpb.Hello{Token: r.mintWith(newKey(t, fmt.Sprint("none-", i)), nil)})
				wave = append(wave, c)
			}
			for _, c := range wave {
				<-c.done
				if f := c.goodbye("token_invalid"); f.GetRetryable() {
					t.Fatalf("wave %d: %v", i, f)
				}
			}
		}
		took := time.Since(began)
		if n, most := r.hub.Asked(), 11+int(took/(500*time.Millisecond)); n > most {
			t.Errorf("%d clients in %v cost %d questions, at most %d are allowed", 5*waves, took, n, most)
		}
	})
}
