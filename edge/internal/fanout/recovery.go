package fanout

import (
	"context"
	"math/rand/v2"
	"time"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

// startRecovery makes a task find out how the subscription goes on. mu is held.
func (s *Subscriber) startRecovery() {
	s.recovering = true
	s.pos.Store(nowhere)
	s.channel.startTask(func() { s.channel.recoverSubscriber(s) })
}

func (c *channel) recoverSubscriber(s *Subscriber) {
	c.mu.Lock()
	state := c.isState()
	c.mu.Unlock()
	if state {
		c.resync(s)
		return
	}
	c.catchUp(s)
}

// Reasons of resyncs, for the metric.
const (
	resyncTooSlow  = "too_slow"
	resyncEpoch    = "epoch_changed"
	resyncUpstream = "upstream"
	resyncParams   = "params"
)

// resync gives a subscriber to a state channel a snapshot to go on from, once the channel has got to where it stands.
func (c *channel) resync(s *Subscriber) {
	for {
		a, wait := c.tryResync(s)
		if !wait || !s.await(c.ctx, a) {
			return
		}
	}
}

// tryResync gives a subscriber a snapshot, or returns what it has to wait for.
func (c *channel) tryResync(s *Subscriber) (a arrival, wait bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || c.fault != nil {
		return arrival{}, false
	}
	if a, wait = c.expects(s); wait {
		return a, true
	}
	reason := resyncUpstream
	var gap *weirpb.Gap
	switch {
	case s.cursor.epoch != c.head.epoch:
		reason, gap = resyncEpoch, &weirpb.Gap{Reason: gapEpochChanged}
	case s.why == gapTooSlow && s.cursor.offset < c.head.offset:
		reason, gap = resyncTooSlow, &weirpb.Gap{From: s.cursor.offset + 1, To: c.head.offset, Reason: gapTooSlow}
	}
	c.table.metrics.Resyncs.WithLabelValues(reason).Inc()
	c.pushSnapshot(s, gap)
	s.wake()
	return arrival{}, false
}

// pushSnapshot queues the view of the subscriber's group as it is now, and lets the subscriber go on from there. The
// channel's and the subscriber's mu are held.
func (c *channel) pushSnapshot(s *Subscriber, gap *weirpb.Gap) {
	s.queue = append(s.queue, &snapshot{
		keys: c.keys.freeze(), matches: s.group.matches.clone(), group: s.group,
		cursor: c.head.position, revision: s.revision, gap: gap,
	})
	c.attachAtHead(s)
}

// attachAtHead lets the subscriber go on with the next event. The channel's and the subscriber's mu are held.
func (c *channel) attachAtHead(s *Subscriber) {
	c.pub.RLock()
	defer c.pub.RUnlock()
	t := s.group.tail(c.head)
	s.recovering = false
	s.cursor, s.told = t.cursor, t.held
	s.resets = s.group.ring.resets
	s.pos.Store(s.group.ring.next)
}

// A way is how a subscriber to a log channel can go on.
type way uint8

const (
	done    way = iota // it reads its ring again, or has gone
	recents            // with recent events, given
	history            // with the window of the hub
	wait               // not before the channel gets there: its cursor is from an edge that is ahead
)

// A plan is a way with what is needed for it.
type plan struct {
	way      way
	group    *group
	after    position
	earliest bool
	lost     *weirpb.Gap
	events   []*weirpb.Event
	arrival  arrival
}

// recentPage is how many recent events are decided about in a turn.
const recentPage = 256

// plan decides how a subscriber to a log channel goes on, and attaches it to its ring where that is possible.
func (c *channel) plan(s *Subscriber, buf []*weirpb.Event) plan {
	c.mu.Lock()
	defer c.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || c.fault != nil {
		return plan{}
	}
	if a, ok := c.expects(s); ok {
		return plan{way: wait, arrival: a}
	}
	if s.cursor.epoch != c.head.epoch {
		s.cursor = position{epoch: c.head.epoch}
		s.earliest, s.lost = true, &weirpb.Gap{Reason: gapEpochChanged}
	}
	p := plan{group: s.group, after: s.cursor, earliest: s.earliest, lost: s.lost}
	if s.earliest {
		p.way = history
		return p
	}
	if s.cursor.offset > c.head.offset {
		p.way, p.arrival = wait, arrival{advanced: c.nextAdvance()}
		return p
	}
	if c.attach(s) {
		s.wake()
		return plan{}
	}
	if events, ok := c.recent.after(buf, s.cursor.offset, recentPage); ok {
		p.way, p.events = recents, events
		return p
	}
	p.way = history
	return p
}

// attach lets the subscriber read its group's ring from its cursor on, if the ring reaches back that far. The channel's
// and the subscriber's mu are held.
func (c *channel) attach(s *Subscriber) bool {
	c.pub.RLock()
	defer c.pub.RUnlock()
	g := s.group
	if s.cursor.offset < g.ring.base.offset {
		return false
	}
	pos, logged := g.ring.after(s.cursor.offset)
	now := g.tail(c.head)
	s.told = now.held
	// Of the events after the cursor those that are not in the ring were held back, and are still to be told. Their
	// bytes are known only from the first entry on.
	s.told.events -= c.head.offset - s.cursor.offset - logged
	if pos < g.ring.next {
		s.told.bytes = g.ring.at(pos).held.bytes
	}
	s.recovering = false
	s.resets = g.ring.resets
	s.pos.Store(pos)
	return true
}

// catchUp brings a subscriber to a log channel from its cursor to where its ring begins, page by page. Nobody else waits
// for it, and it holds one page at a time.
func (c *channel) catchUp(s *Subscriber) {
	past := newPast(c)
	var buf []*weirpb.Event
	for {
		p := c.plan(s, buf[:0])
		switch p.way {
		case done:
			return
		case wait:
			if !s.await(c.ctx, p.arrival) {
				return
			}
		case recents:
			buf = p.events
			if !past.deliver(s, p, p.events, nil) {
				return
			}
		case history:
			if !c.readWindow(s, p, past) {
				return
			}
		}
	}
}

// readWindow goes on with a page of the hub's window. It reports whether the subscriber still wants to.
func (c *channel) readWindow(s *Subscriber, p plan, past *past) bool {
	request := &weirpb.HistoryRequest{Tenant: c.tenant, Channel: c.name, Limit: historyPage}
	if !p.earliest {
		request.After = &weirpb.Cursor{Epoch: p.after.epoch, Offset: p.after.offset}
	}
	response, err := c.history(s, request)
	if err != nil {
		s.listener.Ended(s, fault.From(err))
		return false
	}
	if response == nil {
		return false
	}
	if r := response; r.GetChannel().GetEpoch() != p.after.epoch || len(r.GetEvents()) == 0 && r.GetGap() == nil && !p.earliest {
		// The feed is behind the window, or a hub that answers is behind the feed: one is about to learn from the other.
		return s.pause(c.ctx, retryFirst)
	}
	return past.window(s, p, response)
}

// pause waits for about d, and reports whether the subscriber still wants to go on.
func (s *Subscriber) pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d/2 + rand.N(d))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.gone:
	case <-ctx.Done():
	}
	return false
}

// history reads a page of the window, again and again while the hub can't be reached. It returns nil without an error
// when the subscriber or the channel has gone.
func (c *channel) history(s *Subscriber, request *weirpb.HistoryRequest) (*weirpb.HistoryResponse, error) {
	for wait := retryFirst; ; wait = min(2*wait, retryLongest) {
		if !c.table.reads.take(s.gone, c.ctx.Done()) {
			return nil, nil
		}
		response, err := c.table.upstream.History(c.ctx, request)
		c.table.reads.give()
		if err == nil {
			return response, nil
		}
		if c.ctx.Err() != nil {
			return nil, nil
		}
		if !fault.CodeOf(err).Retryable() {
			return nil, err
		}
		if !s.pause(c.ctx, wait) {
			return nil, nil
		}
	}
}
