package session_test

import (
	"testing"
	"testing/synctest"

	"weir/edge/internal/fakefilter"
	"weir/filters"
	"weir/proto/fault"
	"weir/proto/frame"
	"weir/proto/weirpb"
)

// A group whose routing keys nobody knows could be held back from events that it matches, so it is not let in.
func TestInterestThatFailsRefusesTheSubscription(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.modules["lost module"] = &fakefilter.Range{Lost: true}
		r.hub.PutFilter("acme", "lost", []byte("lost module"), filters.AbilityKeys)
		synctest.Wait()
		c := r.welcome(nil)
		c.Send(frame.Subscribe, &weirpb.Subscribe{
			Subscription: 1, Channel: "log:a", Filters: []*weirpb.FilterRef{{Name: "lost", Params: []byte("1:5")}},
		})
		u := &weirpb.Unsubscribed{}
		c.expect(frame.Unsubscribed, u)
		if fault.Code(u.GetFault().GetCode()) != fault.FilterFailed {
			t.Errorf("refused with %v", u)
		}
	})
}

func TestInterestOfFiltersWithoutRoutesIsNotAsked(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.module.Lost = true
		c := r.welcome(nil)
		c.ranged(1, "log:a", "1:5", 0)
		r.add("log:a", 3)
		if got := c.told(1, 0); got != "3 " {
			t.Errorf("told %q", got)
		}
	})
}
