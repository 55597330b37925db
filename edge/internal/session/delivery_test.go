package session_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"weir/proto/frame"
	"weir/proto/weirpb"
)

func TestBacklogIsWrittenInLargePiecesAndInTurns(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.welcome(nil)
		c.Send(frame.Subscribe, &weirpb.Subscribe{Subscription: 1, Channel: "log:busy"})
		c.Send(frame.Subscribe, &weirpb.Subscribe{Subscription: 2, Channel: "log:calm"})
		c.batches()
		before := c.Writes()
		c.Stick(true)
		for i := range 1000 {
			r.hub.Add("acme", "log:busy", "", fmt.Sprintf("%0200d", i))
		}
		synctest.Wait()
		r.hub.Add("acme", "log:calm", "", "here")
		synctest.Wait()
		c.Stick(false)
		batches := c.batches()
		events, calm := 0, -1
		for _, b := range batches {
			if b.GetSubscription() == 2 {
				calm = events
			}
			events += len(b.GetItems())
		}
		if events != 1001 {
			t.Errorf("%d events came, want 1001", events)
		}
		if calm < 0 || calm > 200 {
			t.Errorf("the calm subscription's turn came after %d events of the busy one", calm)
		}
		if writes := c.Writes() - before; writes > 1000*230/(16<<10)+5 {
			t.Errorf("%d writes for %d events of some 220 bytes, want about one per 16 KiB", writes, events)
		}
	})
}

func TestWithoutLoadAnEventIsWrittenAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		c := r.welcome(nil)
		c.Send(frame.Subscribe, &weirpb.Subscribe{Subscription: 1, Channel: "log:a"})
		c.batches()
		for i := range 5 {
			before := c.Writes()
			r.hub.Add("acme", "log:a", "", fmt.Sprint(i))
			if got := c.items(1); got != fmt.Sprint(i, " ") || c.Writes() != before+1 {
				t.Errorf("event %d: %q in %d writes", i, got, c.Writes()-before)
			}
		}
	})
}

func TestLogNeverHasTokensOrPayloads(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		secret := r.mint(nil)
		c := r.connect()
		c.Send(frame.Hello, &weirpb.Hello{Token: secret})
		c.Send(frame.Publish, &weirpb.Publish{Request: 1, Publication: &weirpb.Publication{Channel: "nowhere:a", Payload: []byte("payload-secret")}})
		c.Send(frame.Subscribe, &weirpb.Subscribe{Subscription: 1, Channel: "log:a", Filters: []*weirpb.FilterRef{{Name: "range", Params: []byte("params-secret")}}})
		c.Send(frame.Refresh, &weirpb.Refresh{Token: secret[:len(secret)-4]})
		synctest.Wait() // a subscription is refused by its worker
		c.SendBytes([]byte{0x3f, 0})
		<-c.done
		log := r.log.String()
		for _, line := range []string{"publication refused", "subscription refused", "refresh refused", "session ended", "subject=alice", "remote=192.0.2.1:4433"} {
			if !strings.Contains(log, line) {
				t.Errorf("the log lacks %q", line)
			}
		}
		for _, hidden := range []string{secret[:40], "payload-secret", "params-secret"} {
			if strings.Contains(log, hidden) {
				t.Errorf("the log has %q:\n%s", hidden, log)
			}
		}
	})
}
