package fanout

import (
	"context"
	"time"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

// A Request asks for a subscription.
type Request struct {
	Tenant, Channel string
	// Policy is that of the channel's namespace.
	Policy weirpb.FailurePolicy
	// Subscription is the number that batches carry.
	Subscription uint32
	Terms        []Term
	Start        weirpb.Start
	// Cursor is for START_CURSOR.
	Cursor *weirpb.Cursor
}

// openTimeout bounds how long a subscription waits for its channel to be followed.
const openTimeout = 10 * time.Second

// Subscribe opens a subscription, and returns it with its channel as it was when the subscription joined. It waits for the
// hub where nobody subscribes to the channel yet. Errors are or wrap *fault.Fault, or are ctx's cause.
func (t *Table) Subscribe(ctx context.Context, r Request, l Listener) (*Subscriber, *weirpb.Channel, error) {
	c, err := t.use(channelID{r.Tenant, r.Channel}, r.Policy)
	if err != nil {
		return nil, nil, err
	}
	s, info, err := c.subscribe(ctx, r, l)
	if err != nil {
		t.unuse(c)
		return nil, nil, err
	}
	t.metrics.Subscriptions.Inc()
	return s, info, nil
}

func (c *channel) subscribe(ctx context.Context, r Request, l Listener) (*Subscriber, *weirpb.Channel, error) {
	if err := c.awaitReady(ctx); err != nil {
		return nil, nil, err
	}
	if err := c.checkCursor(ctx, r); err != nil {
		return nil, nil, err
	}
	g, err := c.acquire(ctx, r.Terms, c.table.limits.GroupsPerChannel)
	if err != nil {
		return nil, nil, err
	}
	s := &Subscriber{
		id: r.Subscription, channel: c, listener: l, group: g, why: gapTrimmed,
		room: make(chan struct{}, 1), gone: make(chan struct{}),
	}
	s.pos.Store(nowhere)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fault != nil {
		c.releaseLocked(g)
		return nil, nil, c.fault
	}
	g.seatSubscriber(s)
	s.mu.Lock()
	defer s.mu.Unlock()
	c.start(s, r)
	return s, c.describe(), nil
}

// awaitReady waits until the channel can be joined.
func (c *channel) awaitReady(ctx context.Context) error {
	timeout := time.NewTimer(openTimeout)
	defer timeout.Stop()
	select {
	case <-c.ready:
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timeout.C:
		return fault.New(fault.Unavailable, "the hub did not answer for this channel within %s", openTimeout)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fault != nil {
		return c.fault
	}
	return nil
}

// checkCursor refuses a cursor beyond the channel's end. Only the hub knows where that is: this edge may be behind the
// one that the cursor is from.
func (c *channel) checkCursor(ctx context.Context, r Request) error {
	if r.Start != weirpb.Start_START_CURSOR {
		return nil
	}
	if r.Cursor.GetEpoch() == 0 {
		return fault.New(fault.InvalidArgument, "the subscription is to start after a cursor, and has none").
			WithHint("give the cursor of the last batch, or start live or from the earliest event")
	}
	c.mu.Lock()
	head, state := c.head, c.isState()
	c.mu.Unlock()
	if state || r.Cursor.GetEpoch() != head.epoch || r.Cursor.GetOffset() <= head.offset {
		return nil
	}
	response, err := c.table.upstream.History(ctx, &weirpb.HistoryRequest{
		Tenant: c.tenant, Channel: c.name, After: r.Cursor, Limit: 1,
	})
	if err != nil {
		return err
	}
	info := response.GetChannel()
	if info.GetEpoch() == r.Cursor.GetEpoch() && info.GetNextOffset() <= r.Cursor.GetOffset() {
		return fault.New(fault.CursorAhead, "the cursor's offset %d is beyond the channel's last event, %d",
			r.Cursor.GetOffset(), info.GetNextOffset()-1)
	}
	return nil
}

// start puts a new subscriber where its request says. The channel's and the subscriber's mu are held.
func (c *channel) start(s *Subscriber, r Request) {
	defer s.wake()
	if c.isState() {
		c.startView(s, r)
		return
	}
	switch r.Start {
	case weirpb.Start_START_CURSOR:
		s.cursor = position{r.Cursor.GetEpoch(), r.Cursor.GetOffset()}
		s.startRecovery()
	case weirpb.Start_START_EARLIEST:
		s.cursor, s.earliest = position{epoch: c.head.epoch}, true
		s.startRecovery()
	default:
		c.attachAtHead(s)
		s.pushMark()
	}
}

// startView gives a new subscriber to a state channel its snapshot, or has it wait where its cursor is ahead of the channel.
// The channel's and the subscriber's mu are held.
func (c *channel) startView(s *Subscriber, r Request) {
	if r.Start != weirpb.Start_START_CURSOR {
		c.pushSnapshot(s, nil)
		return
	}
	s.cursor = position{r.Cursor.GetEpoch(), r.Cursor.GetOffset()}
	var gap *weirpb.Gap
	switch {
	case c.behind(s):
		s.startRecovery()
		return
	case s.cursor.epoch != c.head.epoch:
		gap = &weirpb.Gap{Reason: gapEpochChanged}
	}
	c.pushSnapshot(s, gap)
}

// pushMark queues a batch without items that says where the subscription stands, if that is known. mu is held.
func (s *Subscriber) pushMark() {
	t := trailer{cursor: s.cursor, revision: s.revision}
	if s.earliest {
		t.cursor = position{} // the page of the window that comes next says where it begins
	}
	s.queue = append(s.queue, &page{trailer: t})
}

// Close ends the subscription. Next returns nothing from then on.
func (s *Subscriber) Close() {
	c := s.channel
	c.mu.Lock()
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		c.mu.Unlock()
		return
	}
	s.closed = true
	s.queue = nil
	close(s.gone)
	s.group.unseatSubscriber(s)
	c.releaseLocked(s.group)
	s.mu.Unlock()
	c.mu.Unlock()
	c.table.metrics.Subscriptions.Dec()
	c.table.unuse(c)
}
