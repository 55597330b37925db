package edgeclient

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"

	"weir/proto/fault"
	"weir/proto/frame"
	"weir/proto/weirpb"
)

// stallTime is how long a full queue may hold up the reading from the server, before its subscription is parked. It is
// well below the time after which sides give up on each other.
const stallTime = 5 * time.Second

// change asks for other filters, derived from those asked for last, and waits for the outcome.
func (s *Subscription) change(ctx context.Context, derive func(present []*weirpb.FilterRef) ([]*weirpb.FilterRef, error)) error {
	c := s.client
	c.mu.Lock()
	if s.over {
		c.mu.Unlock()
		return s.err
	}
	list, err := derive(s.wanted())
	if err != nil {
		c.mu.Unlock()
		return err
	}
	done := s.changes.ask(list)
	c.sendChange(s)
	c.mu.Unlock()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// wanted returns the filters that were asked for last. The caller holds client.mu.
func (s *Subscription) wanted() []*weirpb.FilterRef {
	switch {
	case s.changes.waiting != nil:
		return s.changes.waiting.filters
	case s.changes.underway != nil:
		return s.changes.underway.filters
	}
	return s.filters
}

// sendChange sends the next change, if its time has come. The caller holds mu.
func (c *Client) sendChange(sub *Subscription) {
	if c.session == nil || sub.id == 0 {
		return
	}
	if ch := sub.changes.begin(); ch != nil {
		c.session.send(frame.Params, &weirpb.Params{Subscription: sub.id, Revision: sub.changes.revision, Filters: ch.filters})
	}
}

// attach opens a subscription in a session. The caller holds mu.
func (c *Client) attach(s *session, sub *Subscription) {
	if sub.over || sub.parked || sub.id != 0 {
		return
	}
	s.lastID++
	sub.id, sub.partial, sub.retryAt = s.lastID, false, time.Time{}
	s.byID[sub.id] = sub
	m := &weirpb.Subscribe{Subscription: sub.id, Channel: sub.channel, Filters: sub.filters, Start: sub.start}
	if sub.cursor != nil {
		m.Start, m.Cursor = weirpb.Start_START_CURSOR, sub.cursor
	}
	s.send(frame.Subscribe, m)
	c.sendChange(sub)
}

// detach notes that a subscription is not open in a session any more. The caller holds client.mu.
func (s *Subscription) detach() {
	s.id = 0
	s.changes.again()
}

// park closes a subscription at the server until its queue is empty.
func (s *session) park(sub *Subscription) {
	c := s.client
	c.mu.Lock()
	defer c.mu.Unlock()
	if sub.over || sub.id == 0 || s.byID[sub.id] != sub {
		return
	}
	c.logger.Warn("a subscription is parked: its messages are not read", "channel", sub.channel)
	s.send(frame.Unsubscribe, &weirpb.Unsubscribe{Subscription: sub.id})
	delete(s.byID, sub.id)
	sub.detach()
	sub.parked = true
}

// resume opens a parked subscription again, now that its queue is empty.
func (c *Client) resume(sub *Subscription) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !sub.parked {
		return
	}
	sub.parked = false
	if c.session != nil {
		c.attach(c.session, sub)
	}
}

// batch takes in a batch. It waits, and the server with it, while the subscription's queue is full.
func (s *session) batch(body []byte) error {
	b := new(weirpb.Batch)
	if err := frame.Decode(body, b); err != nil {
		return err
	}
	c := s.client
	c.mu.Lock()
	sub := s.byID[b.GetSubscription()]
	c.mu.Unlock()
	if sub == nil { // it was closed while the batch was under way
		return nil
	}
	if !sub.queue.put(s.ctx, b, len(body), stallTime) {
		if s.ctx.Err() == nil {
			s.park(sub)
		}
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.byID[b.GetSubscription()] != sub {
		return nil
	}
	c.received(sub, b)
	return nil
}

// received notes what a batch in the queue means for what the server is to be told. The caller holds mu.
func (c *Client) received(sub *Subscription, b *weirpb.Batch) {
	if b.GetSnapshotBegin() {
		sub.partial = true
	}
	if b.GetSnapshotEnd() {
		sub.partial = false
	}
	if b.GetCursor() != nil {
		sub.cursor = proto.CloneOf(b.GetCursor())
	}
	sub.failures = 0
	sub.open()
	if sub.changes.underway != nil && b.GetRevision() >= sub.changes.revision && !sub.partial {
		sub.filters = sub.changes.settled(nil).filters
		c.sendChange(sub)
	}
}

// open notes that the server has confirmed the subscription.
func (s *Subscription) open() { s.openedOnce.Do(func() { close(s.opened) }) }

func (s *session) subscribed(m *weirpb.Subscribed) error {
	c := s.client
	c.mu.Lock()
	defer c.mu.Unlock()
	sub := s.byID[m.GetSubscription()]
	if sub == nil {
		return nil
	}
	channel := m.GetChannel()
	if sub.cursor == nil && sub.start == weirpb.Start_START_LIVE && channel.GetKind() == weirpb.ChannelKind_CHANNEL_KIND_LOG && channel.GetNextOffset() > 0 {
		// Should the session be lost before the first batch, what comes meanwhile is not missed.
		sub.cursor = &weirpb.Cursor{Epoch: channel.GetEpoch(), Offset: channel.GetNextOffset() - 1}
	}
	sub.open()
	return nil
}

func (s *session) unsubscribed(m *weirpb.Unsubscribed) error {
	c := s.client
	c.mu.Lock()
	defer c.mu.Unlock()
	sub := s.byID[m.GetSubscription()]
	if sub == nil { // we have closed it
		return nil
	}
	delete(s.byID, sub.id)
	sub.detach()
	f := fromWire(m.GetFault())
	if f == nil {
		f = &refusal{fault: fault.New(fault.Unavailable, "the server closed the subscription without a reason"), retryable: true}
	}
	if !f.retryable {
		c.leave(sub, f.fault)
		return nil
	}
	wait := max(spread(firstBackoff, lastBackoff, sub.failures), min(f.fault.RetryAfter, maxRetryAfter))
	sub.failures++
	sub.retryAt = time.Now().Add(wait)
	c.logger.Warn("a subscription is opened again", "channel", sub.channel, "err", f.fault, "retry_in", wait)
	s.wakeTend()
	return nil
}

// refusedRequest handles ERROR: the refusal of params, or of something that has no answer of its own.
func (s *session) refusedRequest(m *weirpb.Error) error {
	c := s.client
	f := fromWire(m.GetFault())
	if f == nil {
		return fault.New(fault.ProtocolViolation, "the server sent ERROR without a fault")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	sub := s.byID[m.GetSubscription()]
	if sub == nil || m.GetRevision() == 0 || sub.changes.underway == nil || m.GetRevision() != sub.changes.revision {
		c.logger.Warn("the server refused a request", "subscription", m.GetSubscription(), "err", f.fault)
		return nil
	}
	sub.changes.settled(f.fault)
	c.sendChange(sub)
	return nil
}
