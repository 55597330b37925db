package fanout

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

// A channel is a live channel: one that somebody here subscribes to. Its owner follows it upstream (owner.go) and decides
// about each event for all its groups (step.go).
//
// Two locks: mu orders events, membership and everything that must happen at an exact offset, and is held while filters
// run. pub guards what readers read, and is held only to publish what was decided; so a reader never waits for a filter.
// Whoever needs several takes mu, then a Subscriber's own, then pub.
type channel struct {
	table        *Table
	tenant, name string
	log          *slog.Logger
	ctx          context.Context // ends with the channel
	cancel       context.CancelFunc
	taskMu       sync.Mutex     // guards cancel against tasks that begin
	tasks        sync.WaitGroup // the owner and the recoveries
	ready        chan struct{}  // closed when the channel can be joined, or has ended

	policy atomic.Int32 // a weirpb.FailurePolicy

	users int // guarded by table.mu: subscribers, and those about to become one
	idle  int // guarded by table.mu: ticks of the table since the last user left

	mu        sync.Mutex
	info      *weirpb.Channel // as the hub described it last; nil until then
	opened    bool            // ready is closed
	panel     *panel
	shower    shower
	groups    []*group // those that take part in events
	byKey     map[groupKey]*group
	recent    recent        // log channels
	keys      *keyTable     // state channels
	holders   holders       // state channels: of keys
	loading   *keyTable     // a snapshot on its way from the hub
	following bool          // the feed has described the channel since it began
	followed  time.Time     // when following was set
	holed     bool          // a state channel that must begin with a snapshot
	batches   uint64        // of the feed
	variants  variants      // of the event at hand
	touched   []*group      // by the event at hand
	dirty     []*group      // to be woken
	advanced  chan struct{} // closed when head moves; nil while nobody waits for that
	told      uint64        // no group was told last when head.events was less
	counted   tally
	fault     *fault.Fault // why the channel has ended

	pub  sync.RWMutex
	head head // written with mu and pub held
}

// head is where a channel stands.
type head struct {
	position
	totals
}

func newChannel(t *Table, id channelID, policy weirpb.FailurePolicy) *channel {
	ctx, cancel := context.WithCancel(t.ctx)
	c := &channel{
		table: t, tenant: id.tenant, name: id.name, ctx: ctx, cancel: cancel,
		log:   t.log.With("tenant", id.tenant, "channel", id.name),
		ready: make(chan struct{}), byKey: make(map[groupKey]*group), keys: newKeyTable(),
	}
	c.panel = newPanel(c)
	c.recent.most = t.recentMost
	c.policy.Store(int32(policy))
	return c
}

// failurePolicy says what happens to events that a filter fails on.
func (c *channel) failurePolicy() weirpb.FailurePolicy { return weirpb.FailurePolicy(c.policy.Load()) }

// isState reports whether the channel is known to be a state channel. mu is held, or the channel is ready.
func (c *channel) isState() bool { return c.info.GetKind() == weirpb.ChannelKind_CHANNEL_KIND_STATE }

// describe returns the channel as it is now. mu is held.
func (c *channel) describe() *weirpb.Channel {
	info := &weirpb.Channel{
		Name: c.name, Kind: c.info.GetKind(), Namespace: c.info.GetNamespace(), WindowBytes: c.info.GetWindowBytes(),
		Epoch: c.head.epoch, FirstOffset: c.info.GetFirstOffset(), NextOffset: c.head.offset + 1,
	}
	if c.isState() {
		info.Keys = uint64(c.keys.len())
	}
	return info
}

// end ends the channel and all its subscriptions with f. The table has already let go of it. Filters that run are cut
// short first, so that it does not take long.
func (c *channel) end(f *fault.Fault) {
	c.stop()
	c.mu.Lock()
	if c.fault != nil {
		c.mu.Unlock()
		return
	}
	c.fault = f
	var subs []*Subscriber
	for _, g := range c.groups {
		subs = append(subs, g.subs...)
	}
	c.open()
	c.account(0)
	c.mu.Unlock()
	for _, s := range subs {
		s.listener.Ended(s, f)
	}
}

// stop ends the channel's tasks, and lets none begin; it does not wait for them.
func (c *channel) stop() {
	c.taskMu.Lock()
	defer c.taskMu.Unlock()
	c.cancel()
}

// startTask runs f in a goroutine that the channel is waited for with, unless the channel has ended.
func (c *channel) startTask(f func()) {
	c.taskMu.Lock()
	defer c.taskMu.Unlock()
	if c.ctx.Err() == nil {
		c.tasks.Go(f)
	}
}

// open lets who waits for the channel go on. mu is held.
func (c *channel) open() {
	if !c.opened {
		c.opened = true
		close(c.ready)
	}
}

// wake makes the subscribers of all dirty groups read. mu is held.
func (c *channel) wake() {
	for i, g := range c.dirty {
		g.dirty = false
		g.told = c.head.events
		for _, s := range g.subs {
			s.wake()
		}
		c.dirty[i] = nil
	}
	c.dirty = c.dirty[:0]
	if c.advanced != nil {
		close(c.advanced)
		c.advanced = nil
	}
	c.counted.flush(c)
}

func (c *channel) mark(g *group) {
	if !g.dirty {
		g.dirty = true
		c.dirty = append(c.dirty, g)
	}
}

// tick wakes the groups that were told nothing of events held back since. It waits for no filter: all channels share the
// one ticker, and a channel that is busy has its turn with the next tick.
func (c *channel) tick() {
	if !c.mu.TryLock() {
		return
	}
	defer c.mu.Unlock()
	for _, g := range c.groups {
		if g.told != c.head.events {
			c.mark(g)
		}
	}
	if len(c.dirty) > 0 {
		c.wake()
	}
}

// account makes the table's sum of mirrored state hold the channel's present share, and reports whether that is within
// its bound. mu is held.
func (c *channel) account(loading int64) bool {
	now := loading
	if c.fault == nil && c.keys != nil {
		now += c.keys.bytes
	}
	return c.table.state.adjust(&c.counted.state, now)
}
