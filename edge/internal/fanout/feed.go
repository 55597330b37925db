package fanout

import (
	"context"
	"errors"
	"time"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

var (
	errNotDescribed = errors.New("the hub sent events before it described the channel")
	errNoSnapshot   = errors.New("the hub sent events of a state channel before its snapshot")
	errHole         = errors.New("the feed of a state channel lacks events")

	errKindChanged = fault.New(fault.Unavailable, "the channel has become one of another kind").WithHint("subscribe again")
	errStateFull   = fault.New(fault.Busy, "this edge has no room for the state of this channel").
			WithHint("operators: raise the edge's bound of state bytes, or add edges")
)

// deliver takes a batch of the feed. The owner's Follow calls it, one batch at a time.
func (c *channel) deliver(b *weirpb.FeedBatch) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fault != nil {
		return c.fault
	}
	c.batches++
	if b.GetChannel() != nil {
		if err := c.described(b); err != nil {
			return err
		}
	}
	defer c.wake()
	switch {
	case !c.following:
		return errNotDescribed
	case b.GetSnapshot():
		return c.load(b)
	case c.loading != nil && len(b.GetEvents()) > 0:
		return errNoSnapshot
	case c.loading != nil:
		return nil
	}
	since := time.Now()
	for _, e := range b.GetEvents() {
		if err := c.take(e); err != nil {
			return err
		}
		if time.Since(since) > holdMost {
			since = c.breathe()
		}
	}
	return c.reach(b.GetCursor().GetOffset())
}

// holdMost is about how long a channel decides about events before who has become ready may read, and who waits for mu
// has a turn. A call of a filter that is under way ends first.
const holdMost = 5 * time.Millisecond

// breathe lets others have a turn, and returns when. mu is held, but for a moment.
func (c *channel) breathe() time.Time {
	c.wake()
	c.mu.Unlock()
	c.mu.Lock()
	return time.Now()
}

// described takes a description, which begins what Follow delivers and stands where the epoch changes. mu is held.
func (c *channel) described(b *weirpb.FeedBatch) error {
	info := b.GetChannel()
	if c.info != nil && c.info.GetKind() != info.GetKind() {
		return errKindChanged
	}
	if !c.following {
		c.following, c.followed = true, time.Now()
	}
	c.info = info
	if c.isState() {
		if !c.opened || c.head.epoch != info.GetEpoch() {
			c.loading = newKeyTable() // a snapshot must follow
		}
		return nil
	}
	start := position{info.GetEpoch(), startOf(b)}
	switch {
	case !c.opened:
		c.setHead(start)
		c.open()
	case start.epoch != c.head.epoch || start.offset > c.head.offset:
		c.rebase(start)
	}
	return nil
}

// startOf returns the offset after which the feed goes on that begins with b.
func startOf(b *weirpb.FeedBatch) uint64 {
	for _, e := range b.GetEvents() {
		if e.GetOffset() != 0 {
			return e.GetOffset() - 1
		}
	}
	if b.GetCursor() != nil {
		return b.GetCursor().GetOffset()
	}
	return b.GetChannel().GetNextOffset() - 1
}

// take decides about an event unless it is known already. mu is held.
func (c *channel) take(e *weirpb.Event) error {
	if c.ctx.Err() != nil {
		return context.Cause(c.ctx)
	}
	offset := e.GetOffset()
	switch {
	case offset == 0 && c.isState():
		return nil // a hub accepts no ephemeral events there
	case offset != 0 && offset <= c.head.offset:
		return nil // the feed began a little earlier than asked
	case offset > c.head.offset+1:
		if err := c.reach(offset - 1); err != nil {
			return err
		}
	}
	if !c.isState() {
		c.stepLog(e)
		return nil
	}
	c.stepState(e)
	if !c.account(0) {
		return errStateFull
	}
	return nil
}

// reach makes sure that the channel stands at an offset that the feed says it has reached, even if events before it have
// not come. On a log channel its subscribers look for them in the window; a state channel begins anew. mu is held.
func (c *channel) reach(offset uint64) error {
	if offset <= c.head.offset {
		return nil
	}
	if c.isState() {
		c.holed = true
		return errHole
	}
	c.rebase(position{c.head.epoch, offset})
	return nil
}

// rebase goes on at a place that does not follow what was before. Every ring begins anew there. mu is held.
func (c *channel) rebase(start position) {
	c.recent.reset()
	c.setHead(start)
	for _, g := range c.groups {
		c.mark(g)
	}
}

// setHead moves to a place, from which on every ring is complete. mu is held.
func (c *channel) setHead(start position) {
	c.pub.Lock()
	defer c.pub.Unlock()
	c.head.position = start
	for _, g := range c.groups {
		g.ring.reset(start)
	}
}

// load takes keys of a snapshot. mu is held.
func (c *channel) load(b *weirpb.FeedBatch) error {
	if c.loading == nil {
		c.loading = newKeyTable()
	}
	for _, e := range b.GetEvents() {
		c.loading.put(e)
	}
	if !c.account(c.loading.bytes) {
		return errStateFull
	}
	if !b.GetSnapshotEnd() {
		return nil
	}
	c.keys, c.loading, c.holed = c.loading, nil, false
	c.account(0)
	c.install(position{c.info.GetEpoch(), b.GetCursor().GetOffset()})
	return nil
}

// install goes on from a snapshot: every group is decided for anew, and every subscriber is given its view. mu is held.
func (c *channel) install(at position) {
	for _, g := range c.groups {
		g.matches = nil
	}
	c.holders = holders{}
	for i := range frozenKeys(c.keys.chunks).size() {
		e := c.keys.at(i)
		if e == nil {
			continue
		}
		c.panel.begin(e)
		for _, g := range c.panel.decide() {
			if g.verdict == match {
				g.matches.add(i)
				c.holders.add(i, g.index)
			}
			g.verdict = held
		}
	}
	c.rebase(at)
	c.open()
}
