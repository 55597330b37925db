package fanout

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"weir/edge/internal/fakefilter"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

func events(offsets ...uint64) []*weirpb.Event {
	var all []*weirpb.Event
	for _, o := range offsets {
		all = append(all, &weirpb.Event{Offset: o, Payload: []byte{byte('0' + o)}})
	}
	return all
}

// feed hands a batch to a channel as if the hub had sent it.
func feed(t *testing.T, s *reader, b *weirpb.FeedBatch, want error) {
	t.Helper()
	if err := s.channel.deliver(b); !errors.Is(err, want) {
		t.Errorf("deliver: %v, want %v", err, want)
	}
}

func TestFeedThatRepeatsAndLacksEvents(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		s := r.subscribe(Request{Channel: "log:a"})
		defer s.Close()
		feed(t, s, &weirpb.FeedBatch{Events: events(1, 2)}, nil)
		feed(t, s, &weirpb.FeedBatch{Events: events(1, 2, 3)}, nil)
		if got, want := payloads(s.all()), "1 2 3 "; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		// The hub's window has what the feed lacks.
		for _, payload := range []string{"1", "2", "3", "4", "5", "6"} {
			r.hub.Add("acme", "log:b", "", payload)
		}
		b := r.subscribe(Request{Channel: "log:b"})
		defer b.Close()
		b.all()
		b.channel.setHeadForTest(position{1000, 2})
		feed(t, b, &weirpb.FeedBatch{Events: events(6), Cursor: &weirpb.Cursor{Epoch: 1000, Offset: 6}}, nil)
		b.all()
		synctest.Wait()
		if got, want := payloads(b.all()), "3 4 5 6 "; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// setHeadForTest makes the channel, and all that read it, stand elsewhere.
func (c *channel) setHeadForTest(p position) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.setHead(p)
	for _, g := range c.groups {
		for _, s := range g.subs {
			s.mu.Lock()
			c.attachAtHead(s)
			s.mu.Unlock()
		}
	}
}

func TestStateFeedWithAHoleBeginsAnew(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		s := r.subscribe(Request{Channel: "state:a"})
		defer s.Close()
		feed(t, s, &weirpb.FeedBatch{Events: events(3)}, errHole)
		if s.channel.cursor() != nil {
			t.Errorf("a state channel with a hole is followed from its cursor")
		}
		feed(t, s, &weirpb.FeedBatch{Events: events(1)}, errNotDescribed)
		feed(t, s, &weirpb.FeedBatch{Channel: &weirpb.Channel{Kind: weirpb.ChannelKind_CHANNEL_KIND_STATE, Epoch: 1001}}, nil)
		feed(t, s, &weirpb.FeedBatch{Events: events(1)}, errNoSnapshot)
	})
}

func TestChannelOfAnotherKindEndsItsSubscriptions(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		s := r.subscribe(Request{Channel: "log:a"})
		defer s.Close()
		r.hub.Drop(&weirpb.Namespace{Tenant: "acme", Name: "log"})
		r.hub.Put(&weirpb.Namespace{Tenant: "acme", Name: "log", Kind: weirpb.ChannelKind_CHANNEL_KIND_STATE})
		r.hub.Renew("acme", "log:a")
		time.Sleep(time.Second)
		synctest.Wait()
		if f := s.inbox.fault(); f == nil || f.Code != fault.Unavailable {
			t.Errorf("ended with %v, want unavailable", f)
		}
	})
}

func TestHistoryIsTriedAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.table.recentMost = 1
		keep := r.subscribe(Request{Channel: "log:a"})
		defer keep.Close()
		for _, payload := range []string{"1", "2", "3"} {
			r.hub.Add("acme", "log:a", "", payload)
		}
		synctest.Wait()
		r.hub.SetDown(true)
		filter := r.newSieve("range", &fakefilter.Range{}, false) // another group than the first, so it has no ring to read
		s := r.subscribe(Request{
			Channel: "log:a", Start: weirpb.Start_START_CURSOR, Cursor: &weirpb.Cursor{Epoch: 1000, Offset: 1},
			Terms: []Term{r.term(filter, "1:9")},
		})
		defer s.Close()
		time.Sleep(time.Second)
		s.all()
		r.hub.SetDown(false)
		time.Sleep(2 * retryLongest)
		synctest.Wait()
		if got, want := payloads(s.all()), "2 3 "; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}
