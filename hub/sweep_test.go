package hub

import (
	"sync"
	"testing"
	"time"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

func TestWindowsComeOfAge(t *testing.T) {
	clock := &clock{now: time.Now()}
	h := withTenant(t, Config{Now: clock.read})
	ctx := testContext(t)
	from := newProducer()
	mustPublish(t, h, &weirpb.Publication{Channel: "chat:a", Producer: from, Sequence: 1})
	clock.pass(9 * time.Minute)
	mustPublish(t, h, &weirpb.Publication{Channel: "chat:a"})
	clock.pass(2 * time.Minute)
	sweep := func() *weirpb.Channel {
		t.Helper()
		for _, p := range h.shards {
			if err := h.sweep(ctx, p); err != nil {
				t.Fatal(err)
			}
		}
		c, err := h.GetChannel(ctx, &weirpb.GetChannelRequest{Tenant: "acme", Channel: "chat:a"})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if c := sweep(); c.GetFirstOffset() != 2 || c.GetWindowBytes() == 0 {
		t.Errorf("after 11 minutes the window is %v", c)
	}
	before := chatGroup(h).machine.Applied()
	sweep()
	if chatGroup(h).machine.Applied() != before {
		t.Error("an entry is written although nothing is due")
	}
	clock.pass(11 * time.Minute)
	if c := sweep(); c.GetFirstOffset() != 3 || c.GetWindowBytes() != 0 || c.GetNextOffset() != 3 {
		t.Errorf("after 22 minutes the window is %v", c)
	}
	if _, err := publish(t, h, &weirpb.Publication{Channel: "chat:a", Producer: from, Sequence: 1}); fault.CodeOf(err) != fault.ProducerExpired {
		t.Errorf("a retry after 22 minutes: %v", err)
	}
}

// A clock is moved by the test.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) read() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
