package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"weir/deploy/internal/region"
	"weir/edge/edgeclient"
	"weir/proto/weirpb"
)

func failoverChannel(i int) string { return fmt.Sprintf("chat:failover-%d", i) }

// A ticking publishes an event to each channel at a steady rate, whether acks come or not.
type ticking struct {
	clients []*edgeclient.Client
	ended   chan struct{} // closed when no more is published
	running sync.WaitGroup

	mu        sync.Mutex
	acks      []ack // since forget was called; guarded by mu
	published int   // guarded by mu
	failed    error // guarded by mu
}

// An ack is one that has come.
type ack struct {
	channel     string
	sent, acked time.Time
}

// startTicking connects and begins.
func startTicking(ctx context.Context, dial func() (*edgeclient.Client, error)) (*ticking, error) {
	l := &ticking{ended: make(chan struct{})}
	for i := range failoverClients {
		client, err := dial()
		if err != nil {
			return nil, err
		}
		l.clients = append(l.clients, client)
		for c := i; c < failoverChannels; c += failoverClients {
			l.running.Go(func() { l.tick(ctx, client, failoverChannel(c)) })
		}
	}
	return l, nil
}

// maxUnacked bounds the publications of one channel without an ack: more than come together while a leader is elected.
const maxUnacked = 2048

func (l *ticking) tick(ctx context.Context, client *edgeclient.Client, channel string) {
	type sent struct {
		at      time.Time
		pending *edgeclient.Pending
	}
	waiting := make(chan sent, maxUnacked)
	var acked sync.WaitGroup
	defer acked.Wait()
	defer close(waiting)
	acked.Go(func() {
		for s := range waiting {
			_, err := s.pending.Wait(ctx)
			l.note(ack{channel, s.at, time.Now()}, err)
		}
	})
	ticker := time.NewTicker(failoverInterval)
	defer ticker.Stop()
	for n := 1; ; n++ {
		select {
		case <-l.ended:
			return
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		pending, err := client.PublishAsync(ctx, edgeclient.Publication{Channel: channel, Payload: strconv.AppendInt(nil, int64(n), 10)})
		if err != nil {
			l.note(ack{}, err)
			return
		}
		waiting <- sent{time.Now(), pending}
	}
}

func (l *ticking) note(a ack, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.failed = errors.Join(l.failed, fmt.Errorf("publish to %s: %w", a.channel, err))
		return
	}
	l.published++
	l.acks = append(l.acks, a)
}

// stop ends the publishing, waits for all acks and returns how many came.
func (l *ticking) stop() (published int, err error) {
	close(l.ended)
	l.running.Wait()
	for _, c := range l.clients {
		err = errors.Join(err, c.Close())
	}
	return l.published, errors.Join(err, l.failed)
}

// forget forgets the acks so far.
func (l *ticking) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.acks = nil
}

// An outage is how acks came after a kill.
type outage struct {
	// first is when each lost shard's channels had one for what was sent after the kill; slowestOther how long the slowest
	// took of the other channels, until then.
	first, slowestOther time.Duration
}

// after waits until all lost channels have had an ack for something that was sent after the kill.
func (l *ticking) after(killed time.Time, lost func(channel string) bool, patience time.Duration) outage {
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for time.Since(killed) < patience {
		<-ticker.C
		var found outage
		back := map[string]bool{}
		l.mu.Lock()
		for _, a := range l.acks {
			switch {
			case a.sent.Before(killed):
			case !lost(a.channel):
				found.slowestOther = max(found.slowestOther, a.acked.Sub(a.sent))
			case !back[a.channel]:
				back[a.channel] = true
				found.first = max(found.first, a.acked.Sub(killed))
			}
		}
		l.mu.Unlock()
		missing := false
		for i := range failoverChannels {
			missing = missing || lost(failoverChannel(i)) && !back[failoverChannel(i)]
		}
		if !missing {
			return found
		}
	}
	return outage{}
}

// shardsOf asks which shard each channel is on.
func shardsOf(ctx context.Context, r *region.Region) (map[string]uint32, error) {
	events := r.Events(r.Nodes[0])
	shards := map[string]uint32{}
	for i := range failoverChannels {
		c, err := events.GetChannel(ctx, &weirpb.GetChannelRequest{Tenant: region.Tenant, Channel: failoverChannel(i)})
		if err != nil {
			return nil, err
		}
		shards[c.GetName()] = c.GetShard()
	}
	return shards, nil
}
