package session_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/edge/internal/fakefilter"
	"weir/edge/token"
	"weir/proto/fault"
	"weir/proto/frame"
	"weir/proto/weirpb"
)

func explaining(c *token.Claims) { c.Explain = true }

// ask sends an EXPLAIN of the latest known epoch.
func (c *client) ask(subscription uint32, epoch, offset uint64) *weirpb.Explained {
	c.t.Helper()
	c.Send(frame.Explain, &weirpb.Explain{
		Request: 5, Subscription: subscription, Event: &weirpb.Cursor{Epoch: epoch, Offset: offset},
	})
	answer := &weirpb.Explained{}
	c.expect(frame.Explained, answer)
	if answer.GetRequest() != 5 {
		c.t.Errorf("the answer is to request %d", answer.GetRequest())
	}
	return answer
}

// epoch returns that of a channel.
func (r *rig) epoch(channel string) uint64 {
	r.t.Helper()
	page, err := r.hub.History(r.t.Context(), &weirpb.HistoryRequest{Tenant: "acme", Channel: channel, Limit: 1})
	if err != nil {
		r.t.Fatal(err)
	}
	return page.GetChannel().GetEpoch()
}

func TestExplainShowsPinsFirst(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.module.Quoted = true
		c := r.welcome(func(claims *token.Claims) {
			claims.Explain = true
			claims.Pinned = []token.Pin{{Channels: []string{"*"}, Filter: "range", Params: []byte(`"0:7"`)}}
		})
		c.ranged(3, "log:a", "5:9", 0)
		r.add("log:a", 8)
		said := c.ask(3, r.epoch("log:a"), 1).GetExplanation().GetFilters()
		if len(said) != 2 || !said[0].GetPinned() || said[1].GetPinned() || said[0].GetVerdict() != weirpb.Verdict_VERDICT_HELD {
			t.Errorf("the filters say %v", said)
		}
	})
}

func TestExplainTellsWhichFilterHeldBack(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.hub.PutFilter("acme", "other", []byte("other module"))
		r.modules["other module"] = &fakefilter.Range{}
		synctest.Wait()
		c := r.welcome(explaining)
		c.Send(frame.Subscribe, &weirpb.Subscribe{Subscription: 3, Channel: "log:a", Filters: []*weirpb.FilterRef{
			{Name: "range", Params: []byte("0:7")}, {Name: "other", Params: []byte("5:9")},
		}})
		c.expect(frame.Subscribed, &weirpb.Subscribed{})
		r.add("log:a", 6, 8)
		x := c.ask(3, r.epoch("log:a"), 1).GetExplanation()
		if x.GetVerdict() != weirpb.Verdict_VERDICT_MATCH || string(x.GetShown()) != "6" || x.GetChannel() != "log:a" || x.GetOnFilterFailure() != "closed" {
			t.Errorf("a match: %v", x)
		}
		c.batches()
		x = c.ask(3, r.epoch("log:a"), 2).GetExplanation()
		if x.GetVerdict() != weirpb.Verdict_VERDICT_HELD || len(x.GetShown()) != 0 {
			t.Errorf("held back: %v", x)
		}
		said := x.GetFilters()
		if len(said) != 2 || said[0].GetVerdict() != weirpb.Verdict_VERDICT_HELD || said[1].GetVerdict() != weirpb.Verdict_VERDICT_MATCH ||
			string(said[0].GetParams()) != "0:7" || said[0].GetMatchFuel() != 1 || said[0].GetLog()[0] != "8" {
			t.Errorf("the filters say %v", said)
		}
		time.Sleep(time.Second) // until what was held back is told
		c.batches()
		if x := c.ask(3, r.epoch("log:a"), 2).GetExplanation(); !x.GetPast() || x.GetTold().GetOffset() != 2 {
			t.Errorf("the subscription is past the event: %v", x)
		}
	})
}

func TestExplainAsksTheVersionThatWasLiveThen(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.modules["range module 2"] = &fakefilter.Range{Shift: 10}
		began := time.Now().UnixMilli()
		promoted := began + 5000
		r.version(1, func(v *weirpb.FilterVersion) { live(v); v.LiveSpans = []*weirpb.LiveSpan{{FromMs: began}} })
		c := r.welcome(explaining)
		c.ranged(1, "log:a", "0:9", 0)
		r.hub.SetTime(began + 2000)
		r.add("log:a", 5)
		time.Sleep(6 * time.Second)
		r.hub.SetTime(began + 6000)
		r.version(1, func(v *weirpb.FilterVersion) { v.LiveSpans = []*weirpb.LiveSpan{{FromMs: began, UntilMs: promoted}} })
		r.version(2, func(v *weirpb.FilterVersion) { live(v); v.LiveSpans = []*weirpb.LiveSpan{{FromMs: promoted}} })
		r.add("log:a", 5)
		before, after := c.ask(1, r.epoch("log:a"), 1).GetExplanation(), c.ask(1, r.epoch("log:a"), 2).GetExplanation()
		if f := before.GetFilters()[0]; f.GetVersion() != 1 || f.GetServesNow() != 2 || f.GetVerdict() != weirpb.Verdict_VERDICT_MATCH {
			t.Errorf("in the time of the first: %v", before)
		}
		if f := after.GetFilters()[0]; f.GetVersion() != 2 || f.GetServesNow() != 0 || f.GetVerdict() != weirpb.Verdict_VERDICT_HELD {
			t.Errorf("in the time of the second: %v", after)
		}
		// Who subscribes only now is judged by the second, also about what is older.
		c.ranged(2, "log:a", "0:9", 0)
		if f := c.ask(2, r.epoch("log:a"), 1).GetExplanation().GetFilters()[0]; f.GetVersion() != 2 {
			t.Errorf("a later subscription: %v", f)
		}
	})
}

func TestExplainOfFailures(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.welcome(explaining)
		c.ranged(1, "log:a", "0:9", 0)
		r.hub.Add("acme", "log:a", "k", "boom")
		synctest.Wait()
		x := c.ask(1, r.epoch("log:a"), 1).GetExplanation()
		if x.GetVerdict() != weirpb.Verdict_VERDICT_FAILED || x.GetFilters()[0].GetFault().GetMessage() != "boom" {
			t.Errorf("%v", x)
		}
	})
}

func TestExplainIsRefused(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.welcome(nil)
		c.ranged(1, "log:a", "0:9", 0)
		r.add("log:a", 1)
		if f := c.ask(1, r.epoch("log:a"), 1).GetFault(); f.GetCode() != string(fault.PermissionDenied) || !strings.Contains(f.GetHint(), "explain") {
			t.Errorf("without the claim: %v", f)
		}
		c = r.welcome(explaining)
		c.ranged(1, "log:a", "0:9", 0)
		epoch := r.epoch("log:a")
		for name, tc := range map[string]struct {
			subscription  uint32
			epoch, offset uint64
			want          fault.Code
		}{
			"another subscription": {2, epoch, 1, fault.SubscriptionUnknown},
			"no event":             {1, epoch, 0, fault.InvalidArgument},
			"a later event":        {1, epoch, 9, fault.CursorAhead},
			"another epoch":        {1, epoch + 1, 1, fault.NotFound},
		} {
			if f := c.ask(tc.subscription, tc.epoch, tc.offset).GetFault(); f.GetCode() != string(tc.want) {
				t.Errorf("%s: %v, want %s", name, f, tc.want)
			}
		}
		r.add("log:a", 2, 3)
		r.hub.Trim("acme", "log:a", 3)
		if f := c.ask(1, epoch, 1).GetFault(); f.GetCode() != string(fault.NotFound) {
			t.Errorf("an event that is gone: %v", f)
		}
	})
}

func TestExplanationsAreBounded(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.welcome(explaining)
		c.ranged(1, "log:a", "0:9", 0)
		r.add("log:a", 1)
		r.module.Gate = make(chan struct{})
		for i := range uint32(5) {
			c.Send(frame.Explain, &weirpb.Explain{Request: i + 1, Subscription: 1, Event: &weirpb.Cursor{Epoch: r.epoch("log:a"), Offset: 1}})
		}
		synctest.Wait()
		if n := len(c.Control()); n != 3 {
			t.Errorf("%d of 5 are answered at once, want 3, as busy", n)
		}
		close(r.module.Gate)
		synctest.Wait()
		if n := len(c.Control()); n != 2 {
			t.Errorf("%d are answered then, want 2", n)
		}
	})
}

func TestWelcomeSaysWhetherExplanationsAreGiven(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		for _, want := range []bool{false, true} {
			c := r.connect()
			c.Send(frame.Hello, &weirpb.Hello{Token: r.mint(func(claims *token.Claims) { claims.Explain = want })})
			welcome := &weirpb.Welcome{}
			c.expect(frame.Welcome, welcome)
			if welcome.GetExplain() != want {
				t.Errorf("WELCOME has explain %v, the token %v", welcome.GetExplain(), want)
			}
		}
	})
}

func TestOperatorsFindSubscriptions(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.welcome(nil)
		c.ranged(1, "log:a", "0:9", 0)
		c.ranged(2, "log:b", "0:3", 0)
		r.add("log:a", 5)
		if all := r.host.Subscriptions("acme", ""); len(all) != 2 || len(r.host.Subscriptions("zeta", "")) != 0 {
			t.Errorf("%v are listed", all)
		}
		list := r.host.Subscriptions("acme", "log:a")
		if len(list) != 1 || list[0].Subject != "alice" || list[0].Filters[0].Params != "0:9" || list[0].Filters[0].Version != 1 {
			t.Fatalf("%v are listed", list)
		}
		at := &weirpb.Cursor{Epoch: r.epoch("log:a"), Offset: 1}
		x, err := r.host.Explain(t.Context(), list[0].ID, at)
		if err != nil || x.GetVerdict() != weirpb.Verdict_VERDICT_MATCH {
			t.Errorf("%v, %v", x, err)
		}
		for id, want := range map[string]fault.Code{
			"": fault.InvalidArgument, "x": fault.InvalidArgument, "x/y": fault.InvalidArgument, "x/1": fault.SubscriptionUnknown,
			strings.TrimSuffix(list[0].ID, "1") + "7": fault.SubscriptionUnknown,
		} {
			if _, err := r.host.Explain(t.Context(), id, at); fault.CodeOf(err) != want {
				t.Errorf("%q: %v, want %s", id, err, want)
			}
		}
	})
}
