package nemesis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"weir/deploy/internal/region"
	"weir/edge/edgeclient"
	"weir/proto/weirpb"
)

// What clients do, beside each other, for as long as the region is being broken.
var (
	logChannels  = []string{"chat:a", "chat:b", "chat:c"} // on different shards, most of them
	stateChannel = "board:k"
	boardKeys    = []string{"x", "y"}
)

const (
	// publishers per channel, each with a client of its own.
	publishers = 2
	readers    = 2
	// pace is the pause between the publications of one publisher, so that a history has some hundred of each and a blow
	// meets some of them on their way.
	pace = 8 * time.Millisecond
	// publishPatience is how long a publication is tried; a region that is mended answers long before.
	publishPatience = 40 * time.Second
)

// A crowd is all clients of a region in one history.
type crowd struct {
	t       *testing.T
	region  *victim
	history *history
	stop    chan struct{} // closed when no more is begun
	// busy are publishers and readers; watching are subscribers, who have each one of the sightings to themselves.
	busy, watching sync.WaitGroup
	sightings      []*sighting
	clients        []*edgeclient.Client
}

// gather connects the clients and has them begin.
func gather(ctx context.Context, t *testing.T, r *victim, seed uint64) *crowd {
	c := &crowd{t: t, region: r, history: newHistory(), stop: make(chan struct{})}
	id := 0
	for _, channel := range append(logChannels[:len(logChannels):len(logChannels)], stateChannel) {
		for range publishers {
			client, own := c.client(ctx, id), id
			c.busy.Go(func() { c.publish(ctx, client, channel, own) })
			id++
		}
	}
	for i := range readers {
		c.busy.Go(func() { c.read(ctx, i, rand.New(rand.NewPCG(seed, uint64(i)))) })
	}
	return c
}

// client returns a client of one of the edges.
func (c *crowd) client(ctx context.Context, i int) *edgeclient.Client {
	c.t.Helper()
	e := c.region.Edges[i%len(c.region.Edges)]
	client, err := edgeclient.Dial(ctx, edgeclient.Config{
		URL: e.URL, Token: c.region.Token, Insecure: true, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		c.t.Fatalf("connect to %s: %v", e.Name, err)
	}
	c.clients = append(c.clients, client)
	return client
}

// publish publishes one event after the other until the crowd is stopped.
func (c *crowd) publish(ctx context.Context, client *edgeclient.Client, channel string, id int) {
	for n := 1; ; n++ {
		select {
		case <-c.stop:
			return
		case <-ctx.Done():
			return
		case <-time.After(pace):
		}
		payload, err := json.Marshal(said{id, n})
		if err != nil {
			c.t.Error(err)
			return
		}
		p := publication{channel: channel, publisher: id, number: n, call: c.history.now()}
		if channel == stateChannel {
			p.key = boardKeys[n%len(boardKeys)]
		}
		trying, cancel := context.WithTimeout(ctx, publishPatience)
		receipt, err := client.Publish(trying, edgeclient.Publication{Channel: channel, Key: p.key, Payload: payload})
		cancel()
		if err != nil {
			// Whether it happened can't be known, and what it would do to the order of those after it neither.
			c.t.Logf("publisher %d gives up at number %d of %s: %v", id, n, channel, err)
			c.history.published(p)
			return
		}
		p.end, p.offset = c.history.now(), receipt.Cursor.Offset
		c.history.published(p)
	}
}

// read asks for linearizable reads of any node that answers, until the crowd is stopped.
func (c *crowd) read(ctx context.Context, id int, rng *rand.Rand) {
	for {
		select {
		case <-c.stop:
			return
		case <-ctx.Done():
			return
		case <-time.After(pace * 3):
		}
		r := reading{channel: logChannels[rng.IntN(len(logChannels))], reader: id}
		if rng.IntN(2) == 0 {
			r.channel, r.key = stateChannel, boardKeys[rng.IntN(len(boardKeys))]
		}
		node := c.region.Nodes[rng.IntN(len(c.region.Nodes))]
		r.call = c.history.now()
		last, err := c.readFrom(ctx, node, r.channel, r.key)
		if err != nil {
			continue // it need not be able to; what it says must be true
		}
		r.end, r.last = c.history.now(), last
		c.history.read(r)
	}
}

// readTimeout bounds one read; a node that hangs must not hold up the reader.
const readTimeout = 3 * time.Second

func (c *crowd) readFrom(ctx context.Context, n *region.Node, channel, key string) (last uint64, err error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	events := c.region.Events(n)
	if key == "" {
		answer, err := events.GetChannel(ctx, &weirpb.GetChannelRequest{
			Tenant: tenant, Channel: channel, Consistency: weirpb.Consistency_CONSISTENCY_LINEARIZABLE,
		})
		if err != nil {
			return 0, err
		}
		return answer.GetNextOffset() - 1, nil
	}
	answer, err := events.State(ctx, &weirpb.StateRequest{
		Tenant: tenant, Channel: channel, Keys: []string{key}, Consistency: weirpb.Consistency_CONSISTENCY_LINEARIZABLE,
	})
	if err != nil {
		return 0, err
	}
	for _, e := range answer.GetEvents() {
		if e.GetKey() == key {
			last = e.GetOffset()
		}
	}
	return last, nil
}

// watch subscribes to a channel from its beginning, at one of the edges.
func (c *crowd) watch(ctx context.Context, channel string, i int) {
	c.t.Helper()
	sub, err := c.client(ctx, i).Subscribe(ctx, channel, edgeclient.SubscribeOptions{Earliest: true})
	if err != nil {
		c.t.Fatalf("subscribe to %s: %v", channel, err)
	}
	s := &sighting{who: fmt.Sprintf("subscriber %d", i), channel: channel}
	c.sightings = append(c.sightings, s)
	c.watching.Go(func() {
		for {
			m, err := sub.Next(ctx)
			if err != nil {
				return // what it has not seen, check tells
			}
			switch m.Type {
			case edgeclient.Event:
				if payload := (said{}); json.Unmarshal(m.Payload, &payload) == nil && payload.Publisher == farewell {
					return
				}
				s.messages = append(s.messages, m)
			case edgeclient.Gap:
				c.t.Errorf("%s of %s is told of a gap: %+v", s.who, channel, m)
			}
		}
	})
}

// farewell is the publisher of a channel's last event, at which subscribers stop.
const farewell = -1

// disband ends the publishing and the reading, and has subscribers see all that there is.
func (c *crowd) disband(ctx context.Context) error {
	close(c.stop)
	c.busy.Wait()
	client := c.client(ctx, 0)
	var failed error
	for _, channel := range logChannels {
		payload, err := json.Marshal(said{Publisher: farewell})
		if err == nil {
			_, err = client.Publish(ctx, edgeclient.Publication{Channel: channel, Payload: payload})
		}
		failed = errors.Join(failed, err)
	}
	c.watching.Wait()
	for _, client := range c.clients {
		failed = errors.Join(failed, client.Close())
	}
	return failed
}

// log reads all of a channel but its farewell.
func (c *crowd) log(ctx context.Context, channel string) (sighting, error) {
	s := sighting{who: "the log", channel: channel}
	events := c.region.Events(c.region.Nodes[0])
	request := &weirpb.HistoryRequest{
		Tenant: tenant, Channel: channel, Limit: 1000, Consistency: weirpb.Consistency_CONSISTENCY_LINEARIZABLE,
	}
	for {
		page, err := events.History(ctx, request)
		if err != nil {
			return s, fmt.Errorf("read %s: %w", channel, err)
		}
		for _, e := range page.GetEvents() {
			if what := (said{}); json.Unmarshal(e.GetPayload(), &what) == nil && what.Publisher == farewell {
				continue
			}
			s.messages = append(s.messages, edgeclient.Message{
				Channel: channel, Key: e.GetKey(), Payload: e.GetPayload(),
				Cursor: edgeclient.Cursor{Epoch: page.GetChannel().GetEpoch(), Offset: e.GetOffset()},
			})
		}
		if !page.GetMore() {
			return s, nil
		}
		request.After = page.GetNext()
	}
}
