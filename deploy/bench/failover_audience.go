package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"

	"weir/edge/edgeclient"
)

// An audience is subscribers, each of one channel in a session of its own, that check what they see.
type audience struct {
	clients []*edgeclient.Client
	running sync.WaitGroup
	seen    atomic.Int64 // events, by all
	changed chan struct{}

	mu    sync.Mutex
	wrong error // guarded by mu
}

func gatherAudience(ctx context.Context, dial func() (*edgeclient.Client, error)) (*audience, error) {
	a := &audience{changed: make(chan struct{}, 1)}
	for i := range failoverSubscribers {
		client, err := dial()
		if err != nil {
			return nil, fmt.Errorf("subscriber %d: %w", i, err)
		}
		a.clients = append(a.clients, client)
		sub, err := client.Subscribe(ctx, failoverChannel(i%failoverChannels), edgeclient.SubscribeOptions{Earliest: true})
		if err != nil {
			return nil, fmt.Errorf("subscriber %d: %w", i, err)
		}
		a.running.Go(func() { a.follow(ctx, sub) })
	}
	return a, nil
}

// follow checks that a channel's events are 1, 2, 3 and so on, at these offsets.
func (a *audience) follow(ctx context.Context, sub *edgeclient.Subscription) {
	for want := uint64(1); ; {
		m, err := sub.Next(ctx)
		if err != nil {
			return
		}
		switch m.Type {
		case edgeclient.Gap:
			a.complain(fmt.Errorf("%s: a gap: %+v", m.Channel, m))
		case edgeclient.Event:
			if m.Cursor.Offset != want || string(m.Payload) != strconv.FormatUint(want, 10) {
				a.complain(fmt.Errorf("%s: %s at offset %d where %d must be", m.Channel, m.Payload, m.Cursor.Offset, want))
			}
			want = m.Cursor.Offset + 1
			a.seen.Add(1)
			select {
			case a.changed <- struct{}{}:
			default:
			}
		}
	}
}

func (a *audience) complain(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.wrong = errors.Join(a.wrong, err)
}

// check waits until all have seen everything, and says what was wrong.
func (a *audience) check(ctx context.Context, published int) error {
	ctx, cancel := context.WithTimeout(ctx, failoverPatience)
	defer cancel()
	want := int64(published) * failoverSubscribers / failoverChannels
	for a.seen.Load() < want {
		select {
		case <-a.changed:
		case <-ctx.Done():
			a.complain(fmt.Errorf("subscribers saw %d of %d events", a.seen.Load(), want))
			want = 0
		}
	}
	for _, c := range a.clients {
		_ = c.Close()
	}
	a.running.Wait()
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.wrong
}
