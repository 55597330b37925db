package edgeclient

import (
	"context"
	"iter"
	"maps"
	"sync"
	"time"

	"weir/proto/fault"
	"weir/proto/frame"
	"weir/proto/name"
	"weir/proto/weirpb"
)

// A Filter names a filter of the tenant's, and gives the params that its prepare function reads: JSON for the ready-made
// ones.
type Filter struct {
	Name string
	// Version 0 is the live one.
	Version uint32
	Params  []byte
}

// SubscribeOptions say what of a channel to deliver, and from where on. The zero value is everything, from now on.
type SubscribeOptions struct {
	// Filters, up to four, must all let an event through.
	Filters []Filter
	// Earliest begins a log channel with the oldest event of its window.
	Earliest bool
	// After begins a log channel with the event after a cursor.
	After *Cursor
	// Skips asks for Skip messages.
	Skips bool
}

// Bounds on filters; the server has its own.
const (
	maxFilters = 8
	maxParams  = 16 << 10
)

// A Subscription delivers a channel's messages until it is closed or fails. Next and Messages are for one goroutine at a
// time; everything else is safe for concurrent use.
//
// Messages wait in a queue of Config.QueueBytes. When it is full, the client stops reading from the server for up to five
// seconds, so a slow reader slows the client's other subscriptions down as well; after that the subscription alone is
// parked: closed at the server, and opened again where it stopped once the queue is empty. Nothing is lost by that, as
// long as the channel's window reaches back; if it does not, a Gap says so.
type Subscription struct {
	client  *Client
	channel string
	queue   *queue

	reading sync.Mutex // held by Next

	state   sync.Mutex
	tracker *tracker // guarded by state

	// Guarded by client.mu.
	id       uint32 // in the session; 0: not open there
	start    weirpb.Start
	cursor   *weirpb.Cursor // that was received up to; nil: no batch yet
	filters  []*weirpb.FilterRef
	changes  changes
	partial  bool // a snapshot is coming in
	parked   bool // closed at the server until the queue is empty
	retryAt  time.Time
	failures int
	over     bool

	opened     chan struct{} // closed when the server has confirmed it for the first time
	openedOnce sync.Once
	done       chan struct{} // closed when it is over
	err        error         // why; set before done is closed
}

// Subscribe opens a subscription and returns when the server has confirmed it; if ctx ends before, or the server refuses
// it for good, there is none.
func (c *Client) Subscribe(ctx context.Context, channel string, opts SubscribeOptions) (*Subscription, error) {
	if err := name.CheckChannel(channel); err != nil {
		return nil, err
	}
	filters, err := refs(opts.Filters)
	if err != nil {
		return nil, err
	}
	if opts.Earliest && opts.After != nil {
		return nil, fault.New(fault.InvalidArgument, "begin either with the earliest event or after a cursor")
	}
	sub := &Subscription{
		client: c, channel: channel, queue: newQueue(c.cfg.QueueBytes), tracker: newTracker(channel, opts.After, opts.Skips),
		start: weirpb.Start_START_LIVE, filters: filters, opened: make(chan struct{}), done: make(chan struct{}),
	}
	if opts.Earliest {
		sub.start = weirpb.Start_START_EARLIEST
	}
	if opts.After != nil {
		sub.cursor = &weirpb.Cursor{Epoch: opts.After.Epoch, Offset: opts.After.Offset}
	}
	if err := c.enter(sub); err != nil {
		return nil, err
	}
	select {
	case <-sub.opened:
		return sub, nil
	case <-sub.done:
		return nil, sub.err
	case <-ctx.Done():
		sub.Close()
		return nil, context.Cause(ctx)
	}
}

// enter adds a subscription to the client's.
func (c *Client) enter(sub *Subscription) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx.Err() != nil {
		return closedError(context.Cause(c.ctx))
	}
	limit := maxSubscriptions
	if c.session != nil {
		limit = c.session.limits.subscriptions
	}
	if len(c.subs) >= limit {
		return fault.New(fault.TooManySubscriptions, "there are %d subscriptions, at most %d are allowed", len(c.subs), limit).
			WithHint("close one first, or open another client")
	}
	c.subs[sub] = struct{}{}
	if c.session != nil {
		c.attach(c.session, sub)
	}
	return nil
}

func refs(filters []Filter) ([]*weirpb.FilterRef, error) {
	if len(filters) > maxFilters {
		return nil, fault.New(fault.TooManyFilters, "%d filters are too many", len(filters))
	}
	var refs []*weirpb.FilterRef
	for _, f := range filters {
		if err := name.CheckFilter(f.Name); err != nil {
			return nil, err
		}
		ref := &weirpb.FilterRef{Name: f.Name, Version: f.Version, Params: f.Params}
		if err := checkParams(ref); err != nil {
			return nil, err
		}
		refs = append(refs, ref)
	}
	return refs, nil
}

func checkParams(f *weirpb.FilterRef) error {
	if n := len(f.GetParams()); n > maxParams {
		return fault.New(fault.FilterParams, "the params of filter %q have %d bytes, at most %d are allowed", f.GetName(), n, maxParams)
	}
	return nil
}

// Channel returns the channel's name.
func (s *Subscription) Channel() string { return s.channel }

// Next returns the next message. It waits for one until ctx ends, and fails for good when the subscription has ended: with
// the fault that ended it, with ErrUnsubscribed after Close, or with ErrClosed when the client was closed.
func (s *Subscription) Next(ctx context.Context) (Message, error) {
	s.reading.Lock()
	defer s.reading.Unlock()
	for {
		s.state.Lock()
		m, ok, err := s.tracker.next()
		s.state.Unlock()
		if err != nil {
			return Message{}, s.fail(err)
		}
		if ok {
			return m, nil
		}
		batch, last, err := s.queue.take(ctx)
		if err != nil {
			return Message{}, err
		}
		if last {
			s.client.resume(s)
		}
		s.state.Lock()
		err = s.tracker.load(batch)
		s.state.Unlock()
		if err != nil {
			return Message{}, s.fail(err)
		}
	}
}

// Messages iterates over the messages until ctx ends, the subscription does, or the loop is left. The last pair has the
// error.
func (s *Subscription) Messages(ctx context.Context) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		for {
			m, err := s.Next(ctx)
			if !yield(m, err) || err != nil {
				return
			}
		}
	}
}

// Cursor returns where the subscription stands after the last message: what SubscribeOptions.After takes. It is false
// before the first batch.
func (s *Subscription) Cursor() (Cursor, bool) {
	s.state.Lock()
	defer s.state.Unlock()
	return s.tracker.cursor, s.tracker.cursor.Epoch != 0
}

// View returns a copy of the keys of a state channel that match, each with its latest event, as of the last message.
func (s *Subscription) View() map[string]Message {
	s.state.Lock()
	defer s.state.Unlock()
	return maps.Clone(s.tracker.view)
}

// Get returns a key of the view.
func (s *Subscription) Get(key string) (Message, bool) {
	s.state.Lock()
	defer s.state.Unlock()
	m, ok := s.tracker.view[key]
	return m, ok
}

// Synced reports whether the view is complete as of the last message. It is false before the first snapshot, and between
// a Gap and the snapshot that makes up for it.
func (s *Subscription) Synced() bool {
	s.state.Lock()
	defer s.state.Unlock()
	return s.tracker.synced
}

// Close ends the subscription. Messages that wait are dropped.
func (s *Subscription) Close() {
	c := s.client
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leave(s, ErrUnsubscribed)
	s.queue.finish(ErrUnsubscribed, true)
}

// fail ends the subscription because of what the server sent.
func (s *Subscription) fail(err error) error {
	c := s.client
	c.mu.Lock()
	defer c.mu.Unlock()
	c.leave(s, err)
	s.queue.finish(err, true)
	return err
}

// leave takes a subscription away, at the server as well. The caller holds mu.
func (c *Client) leave(sub *Subscription, err error) {
	if sub.over {
		return
	}
	if c.session != nil && sub.id != 0 {
		c.session.send(frame.Unsubscribe, &weirpb.Unsubscribe{Subscription: sub.id})
		delete(c.session.byID, sub.id)
	}
	delete(c.subs, sub)
	sub.finish(err)
}

// finish ends a subscription; what waits in its queue can still be read. The caller holds client.mu.
func (s *Subscription) finish(err error) {
	if s.over {
		return
	}
	s.over, s.id, s.err = true, 0, err
	s.changes.finish(err)
	s.queue.finish(err, false)
	close(s.done)
}
