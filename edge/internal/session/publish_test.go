package session_test

import (
	"crypto/rand"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"weir/edge/internal/fakeconn"
	"weir/edge/token"
	"weir/proto/frame"
	"weir/proto/producer"
	"weir/proto/weirpb"
)

func published(t *testing.T, frames []fakeconn.Frame) []*weirpb.Published {
	t.Helper()
	var all []*weirpb.Published
	for _, f := range frames {
		m := &weirpb.Published{}
		if f.Type != frame.Published || frame.Decode(f.Body, m) != nil {
			t.Fatalf("got %s, want PUBLISHED alone", show(frames))
		}
		all = append(all, m)
	}
	return all
}

func TestPublishIsAnsweredInOrder(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.welcome(nil)
		for i := range 5 {
			c.Send(frame.Publish, &weirpb.Publish{
				Request:     uint32(i + 1),
				Publication: &weirpb.Publication{Channel: "log:a", Payload: []byte("x"), Sequence: uint64(i + 1)},
			})
		}
		synctest.Wait()
		for i, m := range published(t, c.Control()) {
			if m.GetRequest() != uint32(i+1) || m.GetReceipt().GetOffset() != uint64(i+1) || m.GetFault() != nil {
				t.Errorf("answer %d: %v", i, m)
			}
		}
	})
}

func TestPublishBeyondTheBoundIsBusy(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.welcome(nil)
		r.hub.Hold()
		for i := range 258 {
			c.Send(frame.Publish, &weirpb.Publish{Request: uint32(i), Publication: &weirpb.Publication{Channel: "log:a"}})
		}
		synctest.Wait()
		busy := published(t, c.Control())
		if len(busy) != 2 || busy[0].GetFault().GetCode() != "busy" || busy[0].GetRequest() != 256 {
			t.Fatalf("got %v, want the last two to be busy", busy)
		}
		r.hub.Release()
		synctest.Wait()
		if accepted := published(t, c.Control()); len(accepted) != 256 || accepted[255].GetReceipt().GetOffset() != 256 {
			t.Errorf("%d accepted, want 256", len(accepted))
		}
	})
}

func TestPublishRefused(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.welcome(func(claims *token.Claims) { claims.Publish = []string{"log:a", "state:a"} })
		for _, test := range []struct {
			publication *weirpb.Publication
			code        string
		}{
			{nil, "invalid_argument"},
			{&weirpb.Publication{Channel: "log:b"}, "permission_denied"},
			{&weirpb.Publication{Channel: ""}, "channel_invalid"},
			{&weirpb.Publication{Channel: "log:a", Payload: make([]byte, 129<<10)}, "payload_too_large"},
			{&weirpb.Publication{Channel: "state:a"}, "key_required"},
		} {
			c.Send(frame.Publish, &weirpb.Publish{Request: 1, Publication: test.publication})
			m := &weirpb.Published{}
			c.expect(frame.Published, m)
			if m.GetFault().GetCode() != test.code {
				t.Errorf("%v: %v, want %s", test.publication.GetChannel(), m.GetFault(), test.code)
			}
		}
		r.hub.SetDown(true)
		c.Send(frame.Publish, &weirpb.Publish{Request: 1, Publication: &weirpb.Publication{Channel: "log:a"}})
		m := &weirpb.Published{}
		c.expect(frame.Published, m)
		if m.GetFault().GetCode() != "unavailable" || !m.GetFault().GetRetryable() {
			t.Errorf("hub down: %v, want unavailable", m.GetFault())
		}
	})
}

// publishFrom publishes under a producer, and returns the answer.
func (c *client) publishFrom(producer string) *weirpb.Published {
	c.t.Helper()
	c.Send(frame.Publish, &weirpb.Publish{
		Request: 1, Publication: &weirpb.Publication{Channel: "log:a", Producer: producer, Sequence: 1},
	})
	m := &weirpb.Published{}
	c.expect(frame.Published, m)
	return m
}

func TestForgottenProducerIsReplacedInTheSession(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.connect()
		c.Send(frame.Hello, &weirpb.Hello{Token: r.mint(nil)})
		welcome := &weirpb.Welcome{}
		c.expect(frame.Welcome, welcome)
		own := welcome.GetProducer()
		if m := c.publishFrom(own); m.GetFault() != nil || m.GetProducer() != "" {
			t.Fatalf("under the session's own: %v", m)
		}
		used, newest := []string{own}, own
		for range 6 {
			r.hub.Expire(newest)
			refused := c.publishFrom(newest)
			granted := refused.GetProducer()
			if _, err := producer.Parse(granted); refused.GetFault().GetCode() != "producer_expired" || err != nil || slices.Contains(used, granted) {
				t.Fatalf("got %v, want producer_expired with a fresh identity", refused)
			}
			if again := c.publishFrom(newest); again.GetProducer() != granted {
				t.Errorf("granted %q and then %q for the same one", granted, again.GetProducer())
			}
			if m := c.publishFrom(granted); m.GetFault() != nil {
				t.Errorf("under the one granted: %v", m)
			}
			used, newest = append(used, granted), granted
		}
		if m := c.publishFrom(""); m.GetFault().GetCode() != "producer_expired" || m.GetProducer() != newest {
			t.Errorf("got %v, want what names no producer to count under the session's own, and %q", m, newest)
		}
		if m := c.publishFrom(used[1]); m.GetFault().GetCode() != "invalid_argument" || m.GetFault().GetHint() == "" || m.GetProducer() != "" {
			t.Errorf("under one granted long ago: %v, want invalid_argument", m)
		}
	})
}

func TestPublishUnderAnothersProducer(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.welcome(nil)
		for _, asked := range []string{"someone else", producer.New(time.Now(), rand.Reader)} {
			if m := c.publishFrom(asked); m.GetFault().GetCode() != "invalid_argument" || m.GetFault().GetHint() == "" {
				t.Errorf("%s: %v, want invalid_argument", asked, m)
			}
		}
	})
}

func TestReceiptAfterTheSessionIsThrownAway(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.welcome(nil)
		r.hub.Hold()
		c.Send(frame.Publish, &weirpb.Publish{Request: 1, Publication: &weirpb.Publication{Channel: "log:a"}})
		c.Leave()
		<-c.done
		r.hub.Release()
	})
}
