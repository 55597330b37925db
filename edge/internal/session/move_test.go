package session_test

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"weir/edge/internal/fakefilter"
	"weir/proto/frame"
	"weir/proto/weirpb"
)

// version makes, and lets everybody learn, a record of acme's filter range, whose modules are the rig's.
func (r *rig) version(n uint32, edit func(v *weirpb.FilterVersion)) {
	module := []byte("range module")
	if n > 1 {
		module = fmt.Appendf(nil, "range module %d", n)
	}
	digest := sha256.Sum256(module)
	v := &weirpb.FilterVersion{
		Tenant: "acme", Name: "range", Version: n, Digest: digest[:], Role: weirpb.FilterRole_FILTER_ROLE_SUPERSEDED,
	}
	if edit != nil {
		edit(v)
	}
	r.hub.PutVersion(v, module)
	synctest.Wait()
}

func live(v *weirpb.FilterVersion) { v.Role, v.Live = weirpb.FilterRole_FILTER_ROLE_LIVE, true }

func tried(percent uint32) func(v *weirpb.FilterVersion) {
	return func(v *weirpb.FilterVersion) {
		v.Role, v.CanaryPercent, v.RoleSinceMs = weirpb.FilterRole_FILTER_ROLE_CANARY, percent, 7
	}
}

// ranged opens a subscription with the filter range.
func (c *client) ranged(number uint32, channel, params string, version uint32) {
	c.t.Helper()
	c.Send(frame.Subscribe, &weirpb.Subscribe{
		Subscription: number, Channel: channel, Filters: []*weirpb.FilterRef{{Name: "range", Version: version, Params: []byte(params)}},
	})
	c.expect(frame.Subscribed, &weirpb.Subscribed{})
}

// add publishes numbers and returns when everybody has been told.
func (r *rig) add(channel string, numbers ...int) {
	for _, n := range numbers {
		r.hub.Add("acme", channel, fmt.Sprint("k", n), fmt.Sprint(n))
	}
	synctest.Wait()
}

// told returns what a subscription was told since it was last asked about any, and asks that all batches have a revision.
func (c *client) told(subscription, revision uint32) string {
	c.t.Helper()
	return told(c.t, c.batches(), subscription, revision)
}

func told(t testing.TB, batches []*weirpb.Batch, subscription, revision uint32) string {
	t.Helper()
	var out strings.Builder
	for _, b := range batches {
		if b.GetSubscription() != subscription {
			continue
		}
		if b.GetRevision() != revision {
			t.Errorf("a batch has revision %d, want the client's, %d", b.GetRevision(), revision)
		}
		if g := b.GetGap(); g != nil {
			fmt.Fprintf(&out, "[%s %d-%d] ", g.GetReason(), g.GetFrom(), g.GetTo())
		}
		items := b.GetItems()
		// In which order keys enter and leave at once means nothing.
		slices.SortStableFunc(items, func(a, b *weirpb.Item) int { return -cmp.Compare(a.GetKind(), b.GetKind()) })
		for _, i := range items {
			mark := map[weirpb.ItemKind]string{
				weirpb.ItemKind_ITEM_KIND_ENTER: "+", weirpb.ItemKind_ITEM_KIND_LEAVE: "-", weirpb.ItemKind_ITEM_KIND_SNAPSHOT: "=",
			}[i.GetKind()]
			fmt.Fprintf(&out, "%s%s ", mark, strings.TrimPrefix(i.GetEvent().GetKey(), "k"))
		}
	}
	return out.String()
}

func TestSubscriptionsMoveToAPromotedVersion(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.modules["range module 2"] = &fakefilter.Range{Shift: 10}
		c := r.welcome(nil)
		r.add("state:a", 2, 12)
		c.ranged(1, "log:a", "11:19", 0)
		c.ranged(2, "log:a", "11:19", 1) // named, so it stays
		c.ranged(3, "state:a", "11:19", 0)
		c.Send(frame.Params, &weirpb.Params{
			Subscription: 1, Revision: 4, Filters: []*weirpb.FilterRef{{Name: "range", Params: []byte("11:15")}},
		})
		c.batches()
		r.add("log:a", 1, 11)
		r.version(1, nil)
		r.version(2, live)
		r.add("log:a", 2, 12)
		batches := c.batches()
		for _, want := range []struct {
			subscription, revision uint32
			told                   string
		}{{1, 4, "11 2 "}, {2, 0, "11 12 "}, {3, 0, "-12 +2 "}} {
			got := told(t, batches, want.subscription, want.revision)
			if got != want.told {
				t.Errorf("subscription %d is told %q, want %q", want.subscription, got, want.told)
			}
		}
		if n := testutil.ToFloat64(r.metrics.FilterMoves.WithLabelValues("moved")); n != 2 {
			t.Errorf("%v subscriptions moved, want 2", n)
		}
	})
}

func TestSubscriptionStaysWithAVersionWhoseSuccessorRefusesIt(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.modules["range module 2"] = &fakefilter.Range{Refuses: true}
		c := r.welcome(nil)
		c.ranged(1, "log:a", "1:5", 0)
		c.batches()
		r.version(1, nil)
		r.version(2, live)
		r.add("log:a", 3)
		if got := c.told(1, 0); got != "3 " {
			t.Errorf("told %q", got)
		}
		if n := testutil.ToFloat64(r.metrics.FilterMoves.WithLabelValues("refused")); n != 1 || !strings.Contains(r.log.String(), "stays with the version") {
			t.Errorf("%v moves were refused; the log: %s", n, r.log)
		}
	})
}

func TestMoveIsTriedAgainUntilTheModuleCanBeFetched(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.modules["range module 2"] = &fakefilter.Range{Shift: 10}
		c := r.welcome(nil)
		c.ranged(1, "log:a", "11:19", 0)
		c.batches()
		r.hub.HoldModules(true)
		r.version(1, nil)
		r.version(2, live)
		r.add("log:a", 1, 11)
		if got := c.told(1, 0); got != "11 " {
			t.Errorf("before it can move it is told %q", got)
		}
		// Params change while the move waits, and are not held up by it.
		r.hub.HoldModules(false)
		time.Sleep(2 * time.Second)
		r.add("log:a", 2, 12)
		if got := c.told(1, 0); got != "2 " {
			t.Errorf("after it can move it is told %q", got)
		}
		if n := testutil.ToFloat64(r.metrics.FilterMoves.WithLabelValues("retried")); n == 0 {
			t.Error("no move was tried again")
		}
	})
}

func TestPausedVersionIsNotAsked(t *testing.T) {
	for policy, want := range map[weirpb.FailurePolicy]struct{ log, paused, resumed string }{
		weirpb.FailurePolicy_FAILURE_POLICY_CLOSED:    {"[filter_failed 1-2] ", "-3 ", "+3 "},
		weirpb.FailurePolicy_FAILURE_POLICY_OPEN:      {"3 9 ", "+9 ", "-9 "},
		weirpb.FailurePolicy_FAILURE_POLICY_LAST_GOOD: {"9 ", "-3 +9 ", "-9 +3 "},
	} {
		t.Run(policy.String(), func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				r.modules["range module 2"] = &fakefilter.Range{Shift: -6}
				r.version(2, nil)
				replaces := func(v *weirpb.FilterVersion) { live(v); v.Replaced = 2 }
				r.version(1, replaces)
				for _, namespace := range []*weirpb.Namespace{{Name: "log", Kind: 1}, {Name: "state", Kind: 2}} {
					namespace.Tenant, namespace.OnFilterFailure = "acme", policy
					r.hub.Put(namespace)
				}
				r.add("state:a", 3, 9)
				c := r.welcome(nil)
				c.ranged(1, "log:a", "1:5", 0)
				c.ranged(2, "state:a", "1:5", 0)
				c.batches()
				calls := r.module.Calls.Load()
				r.version(1, func(v *weirpb.FilterVersion) { replaces(v); v.Paused = true })
				r.add("log:a", 3, 9)
				batches := c.batches()
				got := told(t, batches, 1, 0)
				// The first of the two may have gone out before the second came.
				got = strings.Replace(got, "[filter_failed 1-1] [filter_failed 2-2] ", "[filter_failed 1-2] ", 1)
				if got != want.log {
					t.Errorf("paused, the log tells %q, want %q", got, want.log)
				}
				if got := told(t, batches, 2, 0); got != want.paused {
					t.Errorf("paused, the view is told %q, want %q", got, want.paused)
				}
				if n := r.module.Calls.Load(); n != calls {
					t.Errorf("paused, it was asked %d times", n-calls)
				}
				r.version(1, replaces)
				if got := c.told(2, 0); got != want.resumed {
					t.Errorf("resumed, the view is told %q, want %q", got, want.resumed)
				}
			})
		})
	}
}

func TestCanaryIsTriedWithItsShare(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.modules["range module 2"] = &fakefilter.Range{Shift: 10}
		c := r.welcome(nil)
		const all = 60
		for n := range uint32(all) {
			c.ranged(n+1, "log:a", "11:19", 0)
		}
		c.batches()
		// tellers publishes 1, which only the canary lets through, and returns who is told.
		tellers := func() map[uint32]bool {
			r.add("log:a", 1)
			told := map[uint32]bool{}
			for _, b := range c.batches() {
				if len(b.GetItems()) > 0 {
					told[b.GetSubscription()] = true
				}
			}
			return told
		}
		r.version(2, tried(30))
		some := tellers()
		if n := len(some); n < all*10/100 || n > all*50/100 {
			t.Errorf("%d of %d try a canary of 30 %%", n, all)
		}
		r.version(2, tried(60))
		more := tellers()
		for n := range some {
			if !more[n] {
				t.Errorf("subscription %d, of a small share, is not of a larger one", n)
			}
		}
		r.version(2, tried(100))
		if n := len(tellers()); n != all {
			t.Errorf("%d of %d try a canary of 100 %%", n, all)
		}
		r.canaryFailed.Store(true)
		r.host.Outdate("acme")
		synctest.Wait()
		if n := len(tellers()); n != 0 {
			t.Errorf("%d go on with a canary that has failed", n)
		}
	})
}

func TestFailingCanaryHoldsNothingBack(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		broken := &fakefilter.Range{}
		broken.Broken.Store(true)
		r.modules["range module 2"] = broken
		r.version(1, live)
		r.version(2, tried(100))
		c := r.welcome(nil)
		c.ranged(1, "log:a", "1:5", 0)
		c.batches()
		r.add("log:a", 1, 2, 9, 3)
		if got := c.told(1, 0); got != "1 2 3 " || broken.Calls.Load() == 0 {
			t.Errorf("after %d calls of the canary, told %q", broken.Calls.Load(), got)
		}
	})
}
