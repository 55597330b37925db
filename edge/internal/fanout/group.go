package fanout

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"hash"

	"weir/proto/fault"
)

// A groupKey identifies the terms of a group: equal terms, equal verdicts.
type groupKey [sha256.Size]byte

func keyOf(terms []Term) groupKey {
	h := sha256.New()
	for i := range terms {
		terms[i].hash(h)
	}
	return groupKey(h.Sum(nil))
}

// hash adds all of a term that verdicts and comparisons follow from.
func (t *Term) hash(h hash.Hash) {
	var n [8]byte
	number := func(v uint64) {
		binary.LittleEndian.PutUint64(n[:], v)
		h.Write(n[:])
	}
	h.Write(t.Sieve.ID.Digest[:])
	number(uint64(t.Sieve.ID.Version)<<32 | uint64(len(t.Sieve.ID.Name)))
	h.Write([]byte(t.Sieve.ID.Name))
	number(uint64(len(t.Prepared)))
	h.Write(t.Prepared)
	var flags uint64
	for i, set := range []bool{t.Paused, t.Canary, t.Fallback != nil, t.Shadow != nil} {
		if set {
			flags |= 1 << i
		}
	}
	number(flags)
	for _, other := range []*Term{t.Fallback, t.Shadow} {
		if other != nil {
			other.hash(h)
		}
	}
}

// A group is all subscriptions of a channel with the same terms: it is decided and encoded for once.
type group struct {
	key      groupKey
	terms    []Term
	projects bool
	// built is closed when the group takes part in the channel's events.
	built chan struct{}

	// Guarded by the channel's mu.
	users   int // subscribers, and those about to become one
	index   int // in channel.groups
	seats   []seat
	behind  int // where the group stands behind its gate
	trials  []*trial
	subs    []*Subscriber
	matches bitset  // state channels: the keys that match, by number
	item    []byte  // what the event at hand is to the group
	verdict verdict // held between two events
	dirty   bool    // to be woken
	told    uint64  // head.events when the subscribers were last woken

	// Guarded by the channel's pub.
	ring  ring
	taken totals // events that were not held back
}

// totals count a channel's logged events, and the bytes of their payloads, for as long as it is followed.
type totals struct{ events, bytes uint64 }

// heldBack returns how much the group's filters have held back when the channel stands at now. It counts from anywhere:
// only differences mean something. The channel's pub is held.
func (g *group) heldBack(now totals) totals {
	return totals{now.events - g.taken.events, now.bytes - g.taken.bytes}
}

// oldest returns the least position that a subscriber will read next.
func (g *group) oldest() uint64 {
	least := ^uint64(0)
	for _, s := range g.subs {
		least = min(least, s.pos.Load())
	}
	return least
}

// acquire returns the group with these terms, ready, and counts the caller as a user of it until release. most bounds the
// channel's groups.
func (c *channel) acquire(ctx context.Context, terms []Term, most int) (*group, error) {
	key := keyOf(terms)
	c.mu.Lock()
	if c.fault != nil {
		defer c.mu.Unlock()
		return nil, c.fault
	}
	if g := c.byKey[key]; g != nil {
		g.users++
		c.mu.Unlock()
		return g, c.awaitBuilt(ctx, g)
	}
	if len(c.byKey) >= most {
		defer c.mu.Unlock()
		return nil, fault.New(fault.Busy, "the channel has %d combinations of filters and params on this edge, as many as it may", most).
			WithHint("params that many viewers share, such as a coarser grid, need fewer")
	}
	g := &group{key: key, terms: terms, projects: projects(terms), built: make(chan struct{}), users: 1, index: -1}
	c.byKey[key] = g
	c.table.metrics.Groups.Inc()
	if !c.isState() {
		c.admit(g)
		c.mu.Unlock()
		return g, nil
	}
	frozen := c.keys.freeze()
	c.mu.Unlock()
	c.build(g, frozen)
	return g, nil
}

func (c *channel) awaitBuilt(ctx context.Context, g *group) error {
	select {
	case <-g.built:
		return nil
	case <-ctx.Done():
		c.release(g)
		return context.Cause(ctx)
	}
}

const (
	// buildUnderLock is how many keys may be decided for a new group while the channel waits.
	buildUnderLock = 32
	// buildRounds bounds how often a new group runs after a channel that changes faster than it can be decided.
	buildRounds = 8
)

// build decides for a new group about all keys of a state channel, and lets it take part. The channel goes on meanwhile:
// the keys that it has changed are decided again, until they are few.
func (c *channel) build(g *group, frozen frozenKeys) {
	solo := newPanel(c)
	seats := solo.sit(g.terms)
	decide := func(i int) {
		e := frozen.at(i)
		if e == nil {
			g.matches.remove(i)
			return
		}
		solo.begin(e)
		g.matches.assign(i, solo.verdict(seats) == match)
	}
	for i := range frozen.size() {
		decide(i)
	}
	for round := 0; ; round++ {
		c.mu.Lock()
		changed := frozen.changed(c.keys.chunks)
		if len(changed) <= buildUnderLock || round == buildRounds {
			frozen = c.keys.chunks
			for _, i := range changed {
				decide(i)
			}
			c.admit(g)
			c.mu.Unlock()
			break
		}
		frozen = c.keys.freeze()
		c.mu.Unlock()
		for _, i := range changed {
			decide(i)
		}
	}
	c.table.metrics.Evaluations.Add(float64(solo.asked))
}

// admit lets a group take part in the channel's events from the next one on. mu is held.
func (c *channel) admit(g *group) {
	g.seats = c.panel.sit(g.terms)
	c.panel.enter(g)
	g.trials = c.panel.try(g.terms)
	g.index = len(c.groups)
	c.groups = append(c.groups, g)
	c.hold(g)
	c.pub.Lock()
	g.ring.most = c.table.ringMost
	g.ring.reset(c.head.position)
	c.pub.Unlock()
	g.told = c.head.events
	close(g.built)
}

// release gives up a use of a group; the last one ends it.
func (c *channel) release(g *group) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.releaseLocked(g)
}

func (c *channel) releaseLocked(g *group) {
	if g.users--; g.users > 0 {
		return
	}
	c.table.metrics.Groups.Dec()
	delete(c.byKey, g.key)
	if g.index < 0 {
		return
	}
	c.panel.exit(g)
	c.panel.leave(g.seats)
	c.panel.endTrials(g.trials)
	last := len(c.groups) - 1
	c.groups[g.index] = c.groups[last]
	moved := c.groups[g.index]
	moved.index = g.index
	c.groups[last] = nil
	c.groups = c.groups[:last]
	if moved != g {
		c.hold(moved)
	}
}

// seatSubscriber makes s one of the group's subscribers, unseat ends that. mu is held.
func (g *group) seatSubscriber(s *Subscriber) {
	s.slot = len(g.subs)
	g.subs = append(g.subs, s)
}

func (g *group) unseatSubscriber(s *Subscriber) {
	last := len(g.subs) - 1
	g.subs[s.slot] = g.subs[last]
	g.subs[s.slot].slot = s.slot
	g.subs[last] = nil
	g.subs = g.subs[:last]
}
