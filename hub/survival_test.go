package hub

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"weir/hub/internal/shard"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

// A sender publishes to one channel under a producer of its own, one after another, through whoever leads, and sends what was
// not acknowledged again.
type sender struct {
	name, channel string
	producer      string

	mu sync.Mutex
	// acknowledged has the offset that was acknowledged for each sequence. Guarded by mu.
	acknowledged map[uint64]uint64
}

// send publishes until stop is closed, and then what it is at.
func (s *sender) send(c *cluster, stop <-chan struct{}) error {
	for sequence := uint64(1); ; sequence++ {
		receipt, err := s.insist(c, sequence)
		if err != nil {
			return err
		}
		s.mu.Lock()
		s.acknowledged[sequence] = receipt.GetOffset()
		s.mu.Unlock()
		select {
		case <-stop:
			return nil
		default:
		}
	}
}

// insist publishes one until it is acknowledged.
func (s *sender) insist(c *cluster, sequence uint64) (*weirpb.Receipt, error) {
	ctx := testContext(c.t)
	for {
		for _, h := range c.running() {
			r, err := tryPublish(ctx, h, &weirpb.Publication{
				Channel: s.channel, Producer: s.producer, Sequence: sequence, Payload: fmt.Appendf(nil, "%s %d", s.name, sequence),
			})
			switch {
			case err == nil:
				return r, nil
			case !fault.From(err).Code.Retryable():
				return nil, fmt.Errorf("%s %d: %w", s.name, sequence, err)
			}
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%s %d: %w", s.name, sequence, context.Cause(ctx))
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// tryPublish gives up on a node that does not answer: it may be cut off.
func tryPublish(ctx context.Context, h *Hub, p *weirpb.Publication) (*weirpb.Receipt, error) {
	answers := make(chan answer, 1)
	h.Publish("acme", p, func(r *weirpb.Receipt, err error) { answers <- answer{r, err} })
	select {
	case a := <-answers:
		return a.receipt, a.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// running returns the nodes that run, in order. It may be called beside those that start and stop nodes.
func (c *cluster) running() []*Hub {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []*Hub
	for _, p := range c.peers {
		if h := c.nodes[p.ID]; h != nil {
			all = append(all, h)
		}
	}
	return all
}

// survive has senders publish while trouble is made, and checks what became of it.
func (c *cluster) survive(senders int, trouble func()) {
	c.t.Helper()
	stop := make(chan struct{})
	var all []*sender
	var sending sync.WaitGroup
	for i := range senders {
		s := &sender{
			name: fmt.Sprint("sender ", i), channel: fmt.Sprint("chat:", i%3), producer: newProducer(), acknowledged: map[uint64]uint64{},
		}
		all = append(all, s)
		sending.Go(func() {
			if err := s.send(c, stop); err != nil {
				c.t.Error(err)
			}
		})
	}
	trouble()
	c.net.Heal()
	close(stop)
	sending.Wait()
	for _, channel := range []string{"chat:0", "chat:1", "chat:2"} {
		c.check(channel, all)
	}
}

// check compares what all nodes have of a channel, once they have everything, with what was acknowledged.
func (c *cluster) check(channel string, senders []*sender) {
	c.t.Helper()
	var leader *Hub
	c.eventually("a leader of "+channel, func() bool { leader = c.leaderOf(channel); return leader != nil })
	want := c.events(leader, channel)
	at := map[string]uint64{}
	for i, e := range want {
		if e.GetOffset() != uint64(i+1) {
			c.t.Fatalf("%s: event %d has offset %d", channel, i+1, e.GetOffset())
		}
		if before, twice := at[string(e.GetPayload())]; twice {
			c.t.Fatalf("%s: %s is at %d and at %d", channel, e.GetPayload(), before, e.GetOffset())
		}
		at[string(e.GetPayload())] = e.GetOffset()
	}
	acknowledged := 0
	for _, s := range senders {
		if s.channel != channel {
			continue
		}
		acknowledged += len(s.acknowledged)
		last := uint64(0)
		for sequence := uint64(1); sequence <= uint64(len(s.acknowledged)); sequence++ {
			offset := at[fmt.Sprint(s.name, " ", sequence)]
			if offset != s.acknowledged[sequence] || offset <= last {
				c.t.Fatalf("%s: %s %d was acknowledged at %d and is at %d, the one before at %d", channel, s.name, sequence, s.acknowledged[sequence], offset, last)
			}
			last = offset
		}
	}
	if len(want) != acknowledged {
		c.t.Fatalf("%s: %d events, %d were acknowledged", channel, len(want), acknowledged)
	}
	c.t.Logf("%s: %d events", channel, len(want))
	for name, h := range c.nodes {
		c.eventually(name+" has the same as the leader of "+channel, func() bool {
			got := c.events(h, channel)
			return len(got) == len(want) && (len(got) == 0 || got[len(got)-1].GetOffset() == want[len(want)-1].GetOffset() &&
				string(got[len(got)/2].GetPayload()) == string(want[len(want)/2].GetPayload()))
		})
	}
}

// events reads all of a channel from a node's own replica.
func (c *cluster) events(h *Hub, channel string) []*weirpb.Event {
	c.t.Helper()
	part := h.shardOf("acme", channel)
	place, err := h.locate(part, "acme", channel)
	if err != nil {
		return nil
	}
	var all []*weirpb.Event
	for after := uint64(0); ; {
		_, page, err := part.reader.Events(place.id, after, shard.Page{Count: 1000, Bytes: 1 << 20})
		if err != nil {
			c.t.Fatal(err)
		}
		if len(page) == 0 {
			return all
		}
		all = append(all, page...)
		after = page[len(page)-1].GetOffset()
	}
}

func TestSurvivesFailures(t *testing.T) {
	for _, n := range []int{3, 5} {
		t.Run(fmt.Sprint(n, " nodes"), func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			r := rand.New(rand.NewPCG(seed, 0))
			c := newCluster(t, n, 2)
			c.startAll()
			c.withTenant()
			c.survive(6, func() {
				for range 6 {
					c.trouble(r)
				}
			})
		})
	}
}

// trouble cuts off, or stops and starts, a minority of the nodes, waits until somebody leads all the same, and heals.
func (c *cluster) trouble(r *rand.Rand) {
	victims := map[string]bool{}
	for _, i := range r.Perm(len(c.peers))[:1+r.IntN((len(c.peers)-1)/2)] {
		victims[c.peers[i].ID] = true
	}
	if leader := c.leaderOf("chat:0"); leader != nil && r.IntN(2) == 0 {
		clear(victims)
		victims[leader.node.Name] = true
	}
	var cut, rest []string
	for _, p := range c.peers {
		if victims[p.ID] {
			cut = append(cut, p.ID)
		} else {
			rest = append(rest, p.ID)
		}
	}
	kind := r.IntN(4)
	switch kind {
	case 0: // cut off
		c.net.Part(cut, rest)
	case 1, 2: // can be heard but does not hear, or the other way round
		for _, a := range cut {
			for _, b := range rest {
				if kind == 1 {
					c.net.Cut(a, b)
				} else {
					c.net.Cut(b, a)
				}
			}
		}
	case 3: // restarts, after a crash or in peace
		if r.IntN(2) == 0 {
			c.net.Part(cut, rest)
		}
		for _, name := range cut {
			c.stop(name)
		}
	}
	for _, channel := range []string{"chat:0", "chat:1", "chat:2"} {
		c.eventually("the others lead "+channel, func() bool {
			for _, name := range rest {
				if c.nodes[name].Leads("acme", channel, 0) == nil {
					return true
				}
			}
			return false
		})
	}
	c.net.Heal()
	if kind == 3 {
		for _, name := range cut {
			c.start(name)
		}
	}
	c.ready()
}

// TestRollingRestart restarts one node after another as operators do: on to the next when the one before is ready.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, 2)
	c.startAll()
	c.withTenant()
	c.survive(3, func() {
		for _, p := range c.peers {
			c.stop(p.ID)
			if err := c.start(p.ID).Ready(testContext(t)); err != nil {
				t.Errorf("%s: %v", p.ID, err)
			}
		}
	})
}

// TestFollowersOfALostLeadGoOn also checks that whoever is told not_leader has had everything up to where it stopped.
func TestFollowersOfALostLeadGoOn(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, 1)
	c.startAll()
	c.withTenant()
	for range 5 {
		c.publish(&weirpb.Publication{Channel: "chat:a"})
	}
	leader := c.leaderOf("chat:a")
	var cursor *weirpb.Cursor
	ended := make(chan error, 1)
	first := make(chan struct{}, 1)
	go func() {
		ended <- leader.Follow(testContext(t), "acme", "chat:a", &weirpb.Cursor{}, func(b *weirpb.FeedBatch) error {
			cursor = b.GetCursor()
			if cursor.GetOffset() == 5 {
				first <- struct{}{}
			}
			return nil
		})
	}()
	<-first
	var err error
	c.eventually("the lead is handed over", func() bool {
		_ = chatGroup(leader).replica.Transfer("") // fails where the others are slow
		select {
		case err = <-ended:
			return true
		default:
			return false
		}
	})
	if fault.CodeOf(err) != fault.NotLeader {
		t.Fatalf("the feed ends with %v", err)
	}
	r := c.publish(&weirpb.Publication{Channel: "chat:a"})
	errSeen := errors.New("seen")
	c.retried("go on", func(h *Hub) error {
		err := h.Follow(testContext(t), "acme", "chat:a", cursor, func(b *weirpb.FeedBatch) error {
			for _, e := range b.GetEvents() {
				if e.GetOffset() != cursor.GetOffset()+1 {
					t.Errorf("after %d comes %d", cursor.GetOffset(), e.GetOffset())
				}
				cursor.Offset = e.GetOffset()
			}
			if cursor.GetOffset() == r.GetOffset() {
				return errSeen
			}
			return nil
		})
		if errors.Is(err, errSeen) {
			return nil
		}
		return err
	})
}

// TestCreateThenPublish publishes at once to what another node has just answered that it has made.
func TestCreateThenPublish(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, 2)
	c.startAll()
	c.withTenant()
	for i := range 20 {
		namespace := fmt.Sprint("n", i)
		c.retried("create a namespace", func(h *Hub) error {
			_, err := h.PutNamespace(testContext(t), &weirpb.PutNamespaceRequest{Namespace: &weirpb.Namespace{Tenant: "acme", Name: namespace}})
			return err
		})
		// Whoever is not sure may say so, but nobody that it is not there: that fails the test.
		c.retried("publish to "+namespace, func(h *Hub) error {
			_, err := tryPublish(testContext(t), h, &weirpb.Publication{Channel: namespace + ":a"})
			return err
		})
	}
	c.eventually("it is refused what there is not", func() bool {
		leader := c.leaderOf("nowhere:a")
		if leader == nil {
			return false
		}
		_, err := tryPublish(testContext(t), leader, &weirpb.Publication{Channel: "nowhere:a"})
		return fault.CodeOf(err) == fault.NamespaceUnknown
	})
}
