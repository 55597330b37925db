// Package fanout brings a region's events to the subscriptions of an edge: it follows each channel that somebody here
// subscribes to, once; decides about each event, once for all subscriptions with equal filters and params; encodes it
// once for all who see it alike; and lets every subscriber read at its own pace.
package fanout

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"weir/edge/internal/metrics"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

// An Upstream is what fan-out needs of a hub; see edge.Upstream. Events that it hands over are shared from then on: nobody
// changes them.
type Upstream interface {
	Follow(ctx context.Context, tenant, channel string, from *weirpb.Cursor, deliver func(*weirpb.FeedBatch) error) error
	History(ctx context.Context, request *weirpb.HistoryRequest) (*weirpb.HistoryResponse, error)
}

// Limits bounds what a Table takes on. All must be positive.
type Limits struct {
	Channels         int
	GroupsPerChannel int
	StateBytes       int64
}

// A Config says how to make a Table. All fields are required.
type Config struct {
	Upstream Upstream
	Logger   *slog.Logger
	Metrics  *metrics.Metrics
	Limits   Limits
}

// A Table holds the live channels of an edge. It is safe for concurrent use.
type Table struct {
	upstream Upstream
	log      *slog.Logger
	outage   outage
	metrics  *metrics.Metrics
	limits   Limits
	verdicts verdictCounters
	state    budget
	reads    semaphore
	showers  sync.Pool // of *shower
	// Bounds that tests lower.
	ringMost, recentMost int

	ctx    context.Context
	cancel context.CancelFunc
	tasks  sync.WaitGroup // the ticker, and what waits for channels that have ended

	mu       sync.Mutex
	closed   bool
	channels map[channelID]*channel
}

type channelID struct{ tenant, name string }

const (
	// tickInterval is how long a subscriber is at most not told of events held back.
	tickInterval = time.Second
	// lingerTicks is how many ticks a channel is followed after its last subscriber has left: clients that reconnect, or
	// a page that is reloaded, find it warm.
	lingerTicks = 10
	// windowReads is how many pages of the window are read from the hub at once, over all channels.
	windowReads = 64
)

// New returns a Table.
func New(cfg Config) *Table {
	ctx, cancel := context.WithCancel(context.Background())
	t := &Table{
		upstream: cfg.Upstream, log: cfg.Logger, outage: outage{log: cfg.Logger}, metrics: cfg.Metrics, limits: cfg.Limits,
		verdicts: verdictCounters{
			match:  cfg.Metrics.Verdicts.WithLabelValues("match"),
			held:   cfg.Metrics.Verdicts.WithLabelValues("held"),
			failed: cfg.Metrics.Verdicts.WithLabelValues("failed"),
		},
		state:    budget{most: cfg.Limits.StateBytes, gauge: cfg.Metrics.StateBytes},
		reads:    make(semaphore, windowReads),
		ringMost: ringMost, recentMost: recentMost,
		showers:  sync.Pool{New: func() any { return new(shower) }},
		ctx:      ctx,
		cancel:   cancel,
		channels: make(map[channelID]*channel),
	}
	t.tasks.Go(t.tick)
	return t
}

// Close ends all channels and waits for all that the Table has started.
func (t *Table) Close() {
	t.mu.Lock()
	t.closed = true
	var all []*channel
	for id, c := range t.channels {
		t.removeLocked(id)
		all = append(all, c)
	}
	t.mu.Unlock()
	for _, c := range all {
		c.end(errClosed)
	}
	t.cancel()
	t.tasks.Wait()
}

var errClosed = fault.New(fault.Unavailable, "the edge is shutting down")

// use returns the channel, followed, and counts the caller as a user of it until unuse.
func (t *Table) use(id channelID, policy weirpb.FailurePolicy) (*channel, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, errClosed
	}
	c := t.channels[id]
	if c == nil {
		if len(t.channels) >= t.limits.Channels {
			return nil, fault.New(fault.Busy, "this edge follows %d channels, as many as it may", len(t.channels)).
				WithHint("operators: raise the edge's limit of channels, or add edges").WithRetryAfter(lingerTicks * tickInterval)
		}
		c = newChannel(t, id, policy)
		t.channels[id] = c
		t.metrics.Channels.Inc()
		c.tasks.Go(c.follow)
	}
	c.users++
	c.idle = 0
	return c, nil
}

func (t *Table) unuse(c *channel) {
	t.mu.Lock()
	defer t.mu.Unlock()
	c.users--
}

// remove forgets a channel that ends, so that whoever comes next begins anew, and waits for it elsewhere.
func (t *Table) remove(c *channel) {
	t.mu.Lock()
	defer t.mu.Unlock()
	id := channelID{c.tenant, c.name}
	if t.channels[id] == c {
		t.removeLocked(id)
	}
}

func (t *Table) removeLocked(id channelID) {
	c := t.channels[id]
	delete(t.channels, id)
	t.metrics.Channels.Dec()
	t.tasks.Go(c.tasks.Wait)
}

// tick tells subscribers of events held back, and lets go of channels that nobody uses.
func (t *Table) tick() {
	ticker := time.NewTicker(tickInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-t.ctx.Done():
			return
		}
		live, unused := t.sweep()
		for _, c := range live {
			c.tick()
		}
		for _, c := range unused {
			c.end(errUnused)
		}
	}
}

var errUnused = fault.New(fault.Unavailable, "the channel is not followed any more")

func (t *Table) sweep() (live, unused []*channel) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, nil
	}
	for id, c := range t.channels {
		if c.users > 0 {
			live = append(live, c)
			continue
		}
		if c.idle++; c.idle > lingerTicks {
			t.removeLocked(id)
			unused = append(unused, c)
		}
	}
	return live, unused
}

// Reconcile has settings say for each live channel what its namespace's policy is now, or with a fault that the channel
// can't be any more, which ends it.
func (t *Table) Reconcile(settings func(tenant, channel string) (weirpb.FailurePolicy, *fault.Fault)) {
	t.mu.Lock()
	all := make([]*channel, 0, len(t.channels))
	for _, c := range t.channels {
		all = append(all, c)
	}
	t.mu.Unlock()
	for _, c := range all {
		policy, f := settings(c.tenant, c.name)
		if f != nil {
			t.remove(c)
			c.end(f)
			continue
		}
		c.policy.Store(int32(policy))
	}
}

// A semaphore bounds how many do something at once, by its capacity.
type semaphore chan struct{}

// take waits for a turn, and reports false if one of the channels is closed before.
func (s semaphore) take(gone, done <-chan struct{}) bool {
	select {
	case s <- struct{}{}:
		return true
	case <-gone:
	case <-done:
	}
	return false
}

func (s semaphore) give() { <-s }
