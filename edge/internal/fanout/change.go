package fanout

import (
	"context"

	"weir/proto/fault"
)

// Change gives the subscription other terms, at one offset: what comes before is as the old terms have it, then comes a
// batch with the revision, and what it and all after it tell is as the new terms have it. On a state channel that batch
// holds the difference between the views. Errors are or wrap *fault.Fault, or are ctx's cause; the old terms go on
// holding then.
func (s *Subscriber) Change(ctx context.Context, terms []Term, revision uint32) error {
	g, err := s.channel.acquire(ctx, terms, s.channel.table.limits.GroupsPerChannel)
	if err != nil {
		return err
	}
	return s.regroup(g, &revision)
}

// Move is Change for terms that another version of a filter has come into, or that one has left: nobody has asked for it, so the
// revision stays as it is. While subscribers move there may be twice as many groups as otherwise.
func (s *Subscriber) Move(ctx context.Context, terms []Term) error {
	g, err := s.channel.acquire(ctx, terms, 2*s.channel.table.limits.GroupsPerChannel)
	if err != nil {
		return err
	}
	return s.regroup(g, nil)
}

// regroup moves the subscriber to a group that it is a user of already, with a new revision unless that is nil.
func (s *Subscriber) regroup(g *group, newer *uint32) error {
	c := s.channel
	c.mu.Lock()
	defer c.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.fault != nil || s.closed {
		c.releaseLocked(g)
		return c.endedOr(context.Canceled)
	}
	if !c.isState() && len(s.queue) >= queueMost {
		c.releaseLocked(g)
		return fault.New(fault.Busy, "the subscription's params change faster than its events are read").
			WithHint("keep one change under way, and send only the newest when it is answered")
	}
	revision := s.revision
	if newer != nil {
		revision = *newer
	}
	old := s.group
	old.unseatSubscriber(s)
	g.seatSubscriber(s)
	s.group = g
	if c.isState() {
		c.changeView(s, old, revision)
	} else {
		c.changeLog(s, old, revision)
	}
	c.releaseLocked(old)
	s.wake()
	return nil
}

// endedOr returns why the channel has ended, err if it has not. mu is held.
func (c *channel) endedOr(err error) error {
	if c.fault != nil {
		return c.fault
	}
	return err
}

// changeLog moves a subscriber from one group to another. Where it is still catching up, the pages from here on are of
// the new group. The channel's and the subscriber's mu are held.
func (c *channel) changeLog(s *Subscriber, old *group, revision uint32) {
	if !s.recovering && !c.queueUnread(s, old) {
		s.fallOut(old.ring.resets == s.resets)
	}
	if !s.recovering {
		c.attachAtHead(s)
	}
	s.revision = revision
	s.pushMark()
}

// changeView moves a subscriber from one view to another. One that is about to be given a snapshot is given one of the
// new view, as is one that changes faster than it reads. The channel's and the subscriber's mu are held.
func (c *channel) changeView(s *Subscriber, old *group, revision uint32) {
	if s.recovering {
		s.revision = revision
		return // the snapshot, and so the revision, is yet to come
	}
	if len(s.queue) >= queueMost-1 || !c.queueUnread(s, old) {
		s.queue = nil
		s.revision = revision
		c.table.metrics.Resyncs.WithLabelValues(resyncTooSlow).Inc()
		c.pushSnapshot(s, nil)
		return
	}
	s.revision = revision
	s.queue = append(s.queue, &diff{
		keys: c.keys.freeze(), from: old.matches.clone(), to: s.group.matches.clone(), old: old, new: s.group,
		cursor: c.head.position, revision: revision,
	})
	c.attachAtHead(s)
}

// queueUnread queues what the subscriber has not read of a ring that it is about to leave, and brings its place to the
// ring's end; it reports false if some of that is no longer there. The channel's and the subscriber's mu are held.
func (c *channel) queueUnread(s *Subscriber, g *group) bool {
	c.pub.RLock()
	defer c.pub.RUnlock()
	pos := s.pos.Load()
	if pos < g.ring.first {
		return false
	}
	t := g.tail(c.head)
	if pos == g.ring.next && t.cursor == s.cursor {
		return true
	}
	unread := make([]entry, 0, g.ring.next-pos)
	for ; pos < g.ring.next; pos++ {
		unread = append(unread, *g.ring.at(pos))
	}
	s.queue = append(s.queue, &run{entries: unread, tail: t, place: s.place})
	return true
}
