package session_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/edge/token"
	"weir/proto/frame"
	"weir/proto/weirpb"
)

func TestWelcome(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.connect()
		c.Send(frame.Hello, &weirpb.Hello{Token: r.mint(nil), Agent: "test/1"})
		w := &weirpb.Welcome{}
		c.expect(frame.Welcome, w)
		if w.GetSession() == "" || w.GetProducer() == "" || w.GetAgent() != "weir/test" || w.GetLimits().GetSubscriptions() != 64 {
			t.Errorf("welcome %v", w)
		}
		if want := time.Now().Add(time.Hour).UnixMilli(); w.GetTokenExpiresMs() != want || w.GetServerTimeMs() != time.Now().UnixMilli() {
			t.Errorf("welcome %v, want the token to expire at %d", w, want)
		}
		again := r.connect()
		again.Send(frame.Hello, &weirpb.Hello{Token: r.mint(nil), Producer: w.GetProducer()})
		w2 := &weirpb.Welcome{}
		again.expect(frame.Welcome, w2)
		if w2.GetProducer() != w.GetProducer() || w2.GetSession() == w.GetSession() {
			t.Errorf("producer %q, want %q kept in another session", w2.GetProducer(), w.GetProducer())
		}
	})
}

func TestSubscribeAndReceive(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.welcome(nil)
		c.Send(frame.Subscribe, &weirpb.Subscribe{
			Subscription: 1, Channel: "log:a", Filters: []*weirpb.FilterRef{{Name: "range", Params: []byte("3:5")}},
		})
		m := &weirpb.Subscribed{}
		c.expect(frame.Subscribed, m)
		if m.GetSubscription() != 1 || m.GetChannel().GetNextOffset() != 1 {
			t.Errorf("subscribed %v", m)
		}
		for _, payload := range []string{"1", "3", "5", "7"} {
			r.hub.Add("acme", "log:a", "", payload)
		}
		if got, want := c.items(1), "3 5 "; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		c.Send(frame.Params, &weirpb.Params{
			Subscription: 1, Revision: 4, Filters: []*weirpb.FilterRef{{Name: "range", Params: []byte("6:9")}},
		})
		batches := c.batches() // before it there may be one that tells of the event held back
		if len(batches) == 0 || batches[len(batches)-1].GetRevision() != 4 {
			t.Fatalf("got %v, want a batch with revision 4 at last", batches)
		}
		r.hub.Add("acme", "log:a", "", "4")
		r.hub.Add("acme", "log:a", "", "8")
		if got, want := c.items(1), "8 "; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		c.Send(frame.Unsubscribe, &weirpb.Unsubscribe{Subscription: 1})
		u := &weirpb.Unsubscribed{}
		c.expect(frame.Unsubscribed, u)
		if u.GetFault() != nil {
			t.Errorf("unsubscribed with %v", u.GetFault())
		}
		r.hub.Add("acme", "log:a", "", "8")
		if got := c.items(1); got != "" {
			t.Errorf("got %q after unsubscribing", got)
		}
	})
}

func TestSubscribeRightBehindHello(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.connect()
		c.Send(frame.Hello, &weirpb.Hello{Token: r.mint(nil)})
		c.Send(frame.Subscribe, &weirpb.Subscribe{Subscription: 1, Channel: "state:a"})
		synctest.Wait()
		if frames := c.Control(); len(frames) != 2 || frames[0].Type != frame.Welcome || frames[1].Type != frame.Subscribed {
			t.Errorf("got %s, want WELCOME and SUBSCRIBED", show(frames))
		}
		if b := c.batches(); len(b) != 1 || !b[0].GetSnapshotBegin() || !b[0].GetSnapshotEnd() {
			t.Errorf("got %v, want an empty snapshot", b)
		}
	})
}

func TestRequestsThatAreRefusedLeaveTheSessionAlive(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.welcome(func(claims *token.Claims) {
			claims.Subscribe, claims.Publish = []string{"log:*", "nowhere:*"}, []string{"log:b"}
		})
		five := []*weirpb.FilterRef{{Name: "range"}, {Name: "range"}, {Name: "range"}, {Name: "range"}, {Name: "range"}}
		for i, test := range []struct {
			request *weirpb.Subscribe
			code    string
		}{
			{&weirpb.Subscribe{Channel: "state:a"}, "permission_denied"},
			{&weirpb.Subscribe{Channel: "log:\x01"}, "channel_invalid"},
			{&weirpb.Subscribe{Channel: "nowhere:a"}, "namespace_unknown"},
			{&weirpb.Subscribe{Channel: "log:a", Filters: five}, "too_many_filters"},
			{&weirpb.Subscribe{Channel: "log:a", Filters: []*weirpb.FilterRef{{Name: "none"}}}, "filter_unknown"},
			{&weirpb.Subscribe{Channel: "log:a", Filters: []*weirpb.FilterRef{{Name: "range", Version: 9}}}, "filter_unknown"},
			{&weirpb.Subscribe{Channel: "log:a", Filters: []*weirpb.FilterRef{{Name: "range", Params: []byte("x")}}}, "filter_params_invalid"},
			{&weirpb.Subscribe{Channel: "log:a", Filters: []*weirpb.FilterRef{{Name: "range", Params: make([]byte, 17<<10)}}}, "filter_params_invalid"},
			{&weirpb.Subscribe{Channel: "log:a", Start: weirpb.Start_START_CURSOR}, "invalid_argument"},
			{
				&weirpb.Subscribe{Channel: "log:a", Start: weirpb.Start_START_CURSOR, Cursor: &weirpb.Cursor{Epoch: 1000, Offset: 7}},
				"cursor_ahead",
			},
		} {
			test.request.Subscription = uint32(i + 1)
			c.Send(frame.Subscribe, test.request)
			u := &weirpb.Unsubscribed{}
			c.expect(frame.Unsubscribed, u)
			if u.GetFault().GetCode() != test.code || u.GetSubscription() != uint32(i+1) {
				t.Errorf("%v: %v, want %s", test.request, u, test.code)
			}
		}
		c.Send(frame.Params, &weirpb.Params{Subscription: 99, Revision: 1})
		e := &weirpb.Error{}
		c.expect(frame.Error, e)
		if e.GetFault().GetCode() != "subscription_unknown" || e.GetSubscription() != 99 || e.GetRevision() != 1 {
			t.Errorf("params of nothing: %v", e)
		}
		c.Send(frame.Subscribe, &weirpb.Subscribe{Subscription: 50, Channel: "log:a"})
		c.expect(frame.Subscribed, &weirpb.Subscribed{})
		c.Send(frame.Subscribe, &weirpb.Subscribe{Subscription: 50, Channel: "log:b"})
		c.expect(frame.Error, e)
		if e.GetFault().GetCode() != "subscription_duplicate" {
			t.Errorf("a number used twice: %v", e)
		}
		c.Send(frame.Params, &weirpb.Params{Subscription: 50, Revision: 1, Filters: []*weirpb.FilterRef{{Name: "range", Params: []byte("x")}}})
		c.expect(frame.Error, e)
		if e.GetFault().GetCode() != "filter_params_invalid" || e.GetRevision() != 1 {
			t.Errorf("bad params: %v", e)
		}
		if !strings.Contains(r.log.String(), "code=filter_params_invalid") {
			t.Errorf("a refusal is not in the log")
		}
		c.Send(frame.Ping, &weirpb.Ping{Nonce: 7})
		pong := &weirpb.Pong{}
		c.expect(frame.Pong, pong)
		if pong.GetNonce() != 7 {
			t.Errorf("pong %v", pong)
		}
	})
}

func TestTooManySubscriptions(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.welcome(nil)
		for i := range 65 {
			c.Send(frame.Subscribe, &weirpb.Subscribe{Subscription: uint32(i + 1), Channel: "log:a"})
		}
		synctest.Wait()
		var refused int
		for _, f := range c.Control() {
			if f.Type == frame.Unsubscribed {
				refused++
			}
		}
		if refused != 1 {
			t.Errorf("%d of 65 refused, want 1", refused)
		}
	})
}

func TestPinnedFilterHolds(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		pin := func(claims *token.Claims) {
			claims.Pinned = []token.Pin{{Channels: []string{"log:*"}, Filter: "range", Params: []byte(`"1:5"`)}}
		}
		c := r.welcome(pin)
		c.Send(frame.Subscribe, &weirpb.Subscribe{Subscription: 1, Channel: "log:a"})
		u := &weirpb.Unsubscribed{}
		c.expect(frame.Unsubscribed, u) // the filter can't read JSON text
		if u.GetFault().GetCode() != "filter_params_invalid" || !strings.Contains(u.GetFault().GetMessage(), "pinned") {
			t.Errorf("%v, want a fault that says the filter is pinned", u.GetFault())
		}
		c = r.welcome(func(claims *token.Claims) {
			claims.Pinned = []token.Pin{{Channels: []string{"log:*"}, Filter: "missing"}}
		})
		c.Send(frame.Subscribe, &weirpb.Subscribe{Subscription: 1, Channel: "log:a"})
		c.expect(frame.Unsubscribed, u)
		if u.GetFault().GetCode() != "filter_unknown" {
			t.Errorf("%v, want filter_unknown", u.GetFault())
		}
		c.Send(frame.Subscribe, &weirpb.Subscribe{Subscription: 2, Channel: "other"})
		c.expect(frame.Subscribed, &weirpb.Subscribed{})
	})
}

func TestDeletedNamespaceOfALiveSubscription(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.welcome(nil)
		c.Send(frame.Subscribe, &weirpb.Subscribe{Subscription: 1, Channel: "log:a"})
		c.expect(frame.Subscribed, &weirpb.Subscribed{})
		r.hub.Drop(&weirpb.Namespace{Tenant: "acme", Name: "log"})
		r.hub.SetDown(true)
		r.hub.SetDown(false)
		time.Sleep(time.Second)
		u := &weirpb.Unsubscribed{}
		c.expect(frame.Unsubscribed, u)
		if u.GetFault().GetCode() != "namespace_unknown" {
			t.Errorf("unsubscribed with %v", u.GetFault())
		}
	})
}
