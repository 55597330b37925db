package hubclient_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"weir/hub/internal/linktest"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

// Under load, the link is cut and the hub restarted again and again. Every publication must be accepted exactly once, in
// its producer's order, and a follower that goes on after its last cursor must see every event once, in order.
func TestResumeLosesNothing(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	h := &linktest.Hub{}
	inRegion(t, h, func(t *testing.T, r *region) {
		const producers, each = 4, 400
		followed := make(chan []*weirpb.Event)
		go func() { followed <- follow(t, r, producers*each) }()
		var load sync.WaitGroup
		for p := range producers {
			load.Go(func() { publishAll(t, r, fmt.Sprint("producer-", p), each, rand.New(rand.NewPCG(seed, uint64(p)))) })
		}
		disturb(t, r, rand.New(rand.NewPCG(seed, 99)))
		load.Wait()
		events := <-followed
		stored := h.Events("chat")
		if len(stored) != producers*each || len(events) != len(stored) {
			t.Fatalf("%d events stored, %d followed, want %d", len(stored), len(events), producers*each)
		}
		counts := map[string]int{}
		for i, e := range events {
			producer, sequence := e.GetKey(), string(e.GetPayload())
			if counts[producer]++; e.GetOffset() != uint64(i+1) || sequence != fmt.Sprint(counts[producer]) {
				t.Fatalf("event %d has offset %d and is number %s of %s, want %d", i+1, e.GetOffset(), sequence, producer, counts[producer])
			}
		}
	})
}

// disturb cuts the link for longer than it lives, for shorter, and restarts the hub.
func disturb(t *testing.T, r *region, random *rand.Rand) {
	for range 8 {
		time.Sleep(time.Duration(random.IntN(2000)) * time.Millisecond) // virtual
		switch random.IntN(3) {
		case 0:
			r.network.Cut(true)
			time.Sleep(15 * time.Second)
			r.network.Cut(false)
		case 1:
			r.network.Cut(true)
			time.Sleep(time.Duration(random.IntN(3000)) * time.Millisecond)
			r.network.Cut(false)
		case 2:
			r.shutdown(t)
			time.Sleep(time.Duration(random.IntN(1000)) * time.Millisecond)
			r.start(t)
		}
	}
}

// publishAll publishes as one producer, several in flight, until each is accepted.
func publishAll(t *testing.T, r *region, producer string, n int, random *rand.Rand) {
	const window = 16
	slots := make(chan struct{}, window)
	for sequence := 1; sequence <= n; sequence++ {
		slots <- struct{}{}
		r.client.Publish("acme", &weirpb.Publication{
			Channel: "chat", Key: producer, Payload: fmt.Append(nil, sequence), Producer: producer, Sequence: uint64(sequence),
		}, func(_ *weirpb.Receipt, err error) {
			if err != nil {
				t.Errorf("%s %d: %v", producer, sequence, err)
			}
			<-slots
		})
		time.Sleep(time.Duration(random.IntN(40)) * time.Millisecond) // virtual
	}
	for range window {
		slots <- struct{}{}
	}
}

// follow follows until it has n events, from the last cursor on whenever it is cut off.
func follow(t *testing.T, r *region, n int) []*weirpb.Event {
	var events []*weirpb.Event
	cursor := &weirpb.Cursor{Epoch: linktest.Epoch}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for len(events) < n {
		err := r.client.Follow(ctx, "acme", "chat", cursor, func(b *weirpb.FeedBatch) error {
			events = append(events, b.GetEvents()...)
			if cursor = b.GetCursor(); len(events) >= n {
				cancel()
			}
			return nil
		})
		if code := fault.CodeOf(err); code != fault.Unavailable && code != fault.NotLeader && ctx.Err() == nil {
			t.Errorf("Follow: %v", err)
		}
	}
	return events
}
