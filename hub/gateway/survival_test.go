package gateway_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"testing"
	"time"

	"weir/hub/gateway"
	"weir/hub/hubclient"
	"weir/proto/fault"
	"weir/proto/producer"
	"weir/proto/weirpb"
)

// A publisher is what publishes and keeps the receipts.
type publisher interface {
	Publish(tenant string, p *weirpb.Publication, done func(*weirpb.Receipt, error))
}

// load publishes numbered events as one producer, 16 in flight, until until is closed. It returns how many it published.
func (r *realRegion) load(to publisher, key string, until <-chan struct{}) int {
	const window = 16
	identity, slots := producer.New(time.Now(), rand.Reader), make(chan struct{}, window)
	var answers sync.WaitGroup
	for n := 1; ; n++ {
		slots <- struct{}{}
		answers.Add(1)
		to.Publish("acme", &weirpb.Publication{
			Channel: "chat", Key: key, Payload: fmt.Append(nil, n), Producer: identity, Sequence: uint64(n),
		}, func(_ *weirpb.Receipt, err error) {
			if err != nil {
				r.t.Errorf("%s %d: %v", key, n, err)
			}
			r.accepted.Add(1)
			<-slots
			answers.Done()
		})
		select {
		case <-until:
			answers.Wait()
			return n
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// The leader is cut off from its peers, though not from edges, and the next one is restarted, under load through an edge and
// through a node's own gateway. Nobody hears of it: every publication is accepted once, in order, and followed once.
func TestALeaderIsCutOffAndTheNextRestarted(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for real elections")
	}
	r := newRealRegion(t)
	if _, err := r.nodes["hub-2"].gateway.CreateTenant(t.Context(), &weirpb.CreateTenantRequest{Name: "acme"}); err != nil {
		t.Fatal(err)
	}
	edge, until := r.edge(), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	followed := make(chan []*weirpb.Event, 1)
	from := r.begin(edge)
	go func() { followed <- followAll(ctx, edge, from) }()
	counts := make([]int, 3)
	var publishers sync.WaitGroup
	for i, to := range []publisher{edge, edge, r.nodes["hub-1"].gateway} {
		publishers.Go(func() { counts[i] = r.load(to, fmt.Sprint("p", i), until) })
	}
	r.goOn(200)
	cut, others := r.leaderOf("chat")
	r.net.Part([]string{cut.ID}, others)
	r.goOn(500)
	r.net.Heal()
	r.goOn(200)
	if next, _ := r.leaderOf("chat"); next.ID != "hub-1" { // whose gateway is in use
		r.nodes[next.ID].stop()
		delete(r.nodes, next.ID)
		r.goOn(200)
		r.start(next)
	}
	r.goOn(500)
	close(until)
	publishers.Wait()
	want := counts[0] + counts[1] + counts[2]
	checkOnce(t, "stored", stored(t, r.nodes["hub-1"].gateway), want)
	r.eventually(func() bool { return from.load() >= uint64(want) })
	cancel()
	checkOnce(t, "followed", <-followed, want)
	t.Logf("%v publications", counts)
}

// A place is how far a follower is.
type place struct {
	mu     sync.Mutex
	cursor *weirpb.Cursor // guarded by mu
}

func (p *place) load() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cursor.GetOffset()
}

// begin returns the channel's beginning.
func (r *realRegion) begin(edge *hubclient.Client) *place {
	r.t.Helper()
	page, err := edge.History(r.t.Context(), &weirpb.HistoryRequest{Tenant: "acme", Channel: "chat"})
	if err != nil {
		r.t.Fatal(err)
	}
	return &place{cursor: &weirpb.Cursor{Epoch: page.GetChannel().GetEpoch()}}
}

// followAll follows from a place on, again and again until ctx ends.
func followAll(ctx context.Context, from *hubclient.Client, at *place) (events []*weirpb.Event) {
	for ctx.Err() == nil {
		at.mu.Lock()
		cursor := at.cursor
		at.mu.Unlock()
		_ = from.Follow(ctx, "acme", "chat", cursor, func(b *weirpb.FeedBatch) error {
			events = append(events, b.GetEvents()...)
			at.mu.Lock()
			at.cursor = b.GetCursor()
			at.mu.Unlock()
			return nil
		})
	}
	return events
}

// stored reads all that there is, linearizably.
func stored(t *testing.T, g *gateway.Gateway) (events []*weirpb.Event) {
	t.Helper()
	r := &weirpb.HistoryRequest{
		Tenant: "acme", Channel: "chat", Limit: 1000, Consistency: weirpb.Consistency_CONSISTENCY_LINEARIZABLE,
	}
	for {
		page, err := g.History(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, page.GetEvents()...)
		if !page.GetMore() {
			return events
		}
		r.After = page.GetNext()
	}
}

// checkOnce checks that events are that many, at their offsets, and each publisher's in order.
func checkOnce(t *testing.T, what string, events []*weirpb.Event, want int) {
	t.Helper()
	if len(events) != want {
		t.Errorf("%s are %d events, %d were accepted", what, len(events), want)
	}
	counts := map[string]int{}
	for i, e := range events {
		if counts[e.GetKey()]++; e.GetOffset() != uint64(i+1) || string(e.GetPayload()) != fmt.Sprint(counts[e.GetKey()]) {
			t.Fatalf("%s: event %d has offset %d and is number %s of %s", what, i+1, e.GetOffset(), e.GetPayload(), e.GetKey())
		}
	}
}

// A linearizable read at a leader that has been cut off does not answer with what was there before.
func TestLinearizableReadsAtACutOffLeader(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for real elections")
	}
	r := newRealRegion(t)
	if _, err := r.nodes["hub-1"].gateway.CreateTenant(t.Context(), &weirpb.CreateTenantRequest{Name: "acme"}); err != nil {
		t.Fatal(err)
	}
	publish := func(node string) <-chan error {
		done := make(chan error, 1)
		r.nodes[node].gateway.Publish("acme", &weirpb.Publication{
			Channel: "chat", Producer: producer.New(time.Now(), rand.Reader), Sequence: 1,
		}, func(_ *weirpb.Receipt, err error) { done <- err })
		return done
	}
	if err := <-publish("hub-1"); err != nil {
		t.Fatal(err)
	}
	leader, others := r.leaderOf("chat")
	r.net.Part([]string{leader.ID}, others)
	published := publish(others[0])
	for acknowledged := false; ; {
		select {
		case err := <-published:
			if err != nil {
				t.Fatal(err)
			}
			acknowledged, published = true, nil
		case <-time.After(time.Millisecond):
		}
		refused := r.refuses(leader.ID)
		if !acknowledged {
			continue // it may still answer, as long as nobody has been told of anything newer
		}
		if !refused {
			t.Fatal("the leader that was cut off answers with what was there before")
		}
		break
	}
	// Through a gateway the next leader answers, also on the node that was cut off.
	for _, n := range r.nodes {
		if got := stored(t, n.gateway); len(got) != 2 {
			t.Errorf("%d events", len(got))
		}
	}
}

// refuses has a node read linearizably, and reports whether it finds that it leads no longer, or can't tell.
func (r *realRegion) refuses(node string) bool {
	ctx, cancel := context.WithTimeout(r.t.Context(), 5*time.Second)
	defer cancel()
	_, err := r.nodes[node].hub.History(ctx, &weirpb.HistoryRequest{
		Tenant: "acme", Channel: "chat", Consistency: weirpb.Consistency_CONSISTENCY_LINEARIZABLE,
	})
	switch fault.CodeOf(err) {
	case fault.NotLeader, fault.Unavailable, fault.Timeout:
		return true
	}
	if err != nil {
		r.t.Errorf("%s: %v", node, err)
	}
	return false
}
