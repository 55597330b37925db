package hubclient_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"weir/hub/internal/linktest"
	"weir/proto/weirpb"
)

// A follower that stops reading stops its own stream, a window later, and nothing else.
func TestSlowFollowerSlowsNobody(t *testing.T) {
	var slowSent atomic.Uint64
	h := &linktest.Hub{Sent: func(channel string, b *weirpb.FeedBatch) {
		if channel == "slow" {
			slowSent.Store(b.GetCursor().GetOffset())
		}
	}}
	inRegion(t, h, func(t *testing.T, r *region) {
		const n = 2000 // of 1 KiB: far more than a stream's window
		for _, channel := range []string{"slow", "quick"} {
			for range n {
				h.Publish("acme", &weirpb.Publication{Channel: channel, Payload: make([]byte, 1<<10)}, func(*weirpb.Receipt, error) {})
			}
		}
		stuck, release := make(chan struct{}), make(chan struct{})
		read := func(channel string, wait func()) chan uint64 {
			last := make(chan uint64, 1)
			go func() {
				ctx, cancel := context.WithCancel(context.Background())
				var at uint64
				_ = r.client.Follow(ctx, "acme", channel, &weirpb.Cursor{Epoch: linktest.Epoch}, func(b *weirpb.FeedBatch) error {
					wait()
					if at = b.GetCursor().GetOffset(); at == n {
						cancel()
					}
					return nil
				})
				cancel()
				last <- at
			}()
			return last
		}
		var once atomic.Bool
		slow := read("slow", func() {
			if once.CompareAndSwap(false, true) {
				close(stuck)
				<-release
			}
		})
		<-stuck
		if at := <-read("quick", func() {}); at != n {
			t.Errorf("the quick follower got %d events", at)
		}
		if _, err := publish(r.client, &weirpb.Publication{Channel: "chat"}); err != nil {
			t.Errorf("Publish: %v", err)
		}
		synctest.Wait()
		if sent := slowSent.Load(); sent > 600 {
			t.Errorf("%d KiB were sent to a follower that does not read", sent)
		}
		close(release)
		if at := <-slow; at != n {
			t.Errorf("the slow follower got %d events in the end", at)
		}
	})
}
