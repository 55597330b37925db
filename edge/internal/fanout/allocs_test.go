//go:build !race

// The race detector takes memory of its own.

package fanout

import (
	"fmt"
	"testing"

	"weir/edge/internal/fakefilter"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

// quiet is a listener that does nothing.
type quiet struct{}

func (quiet) Ready(*Subscriber)               {}
func (quiet) Ended(*Subscriber, *fault.Fault) {}

// crowd opens groups with some subscribers each on a channel.
func crowd(t *testing.T, r *rig, channel string, groups, each int) (*channel, []*Subscriber) {
	t.Helper()
	s := r.newSieve("range", &fakefilter.Range{}, false)
	var subs []*Subscriber
	for g := range groups {
		for range each {
			sub, _, err := r.table.Subscribe(t.Context(), Request{
				Tenant: "acme", Channel: channel, Subscription: 1, Terms: []Term{r.term(s, fmt.Sprintf("0:%d", 100+g))},
			}, quiet{})
			if err != nil {
				t.Fatal(err)
			}
			subs = append(subs, sub)
		}
	}
	return subs[0].channel, subs
}

// Deciding about an event, for any number of groups and subscribers, takes memory for the encoded item alone.
func TestEventAllocatesOnlyItsItem(t *testing.T) {
	for _, channel := range []string{"log:a", "state:a"} {
		r := newRig(t)
		c, subs := crowd(t, r, channel, 50, 4)
		events := make([]*weirpb.FeedBatch, 400)
		for i := range events {
			events[i] = &weirpb.FeedBatch{
				Events: []*weirpb.Event{{Offset: uint64(i + 1), Key: "key", Payload: []byte("42")}},
				Cursor: &weirpb.Cursor{Epoch: 1000, Offset: uint64(i + 1)},
			}
		}
		buf := make([]byte, 0, 64<<10)
		i := 0
		step := func() {
			if err := c.deliver(events[i]); err != nil {
				t.Fatal(err)
			}
			i++
			for _, s := range subs {
				for out := s.Next(buf, 8<<10); len(out) > 0; {
					out = s.Next(buf, 8<<10)
				}
			}
		}
		for range 100 {
			step()
		}
		// One for the item; the queue of recent events grows now and then.
		if allocs := testing.AllocsPerRun(200, step); allocs > 1 {
			t.Errorf("%s: %.1f allocations for an event that %d subscribers read, want 1", channel, allocs, len(subs))
		}
		for _, s := range subs {
			s.Close()
		}
		r.table.Close()
	}
}
