package simulation

import (
	"time"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

const stateChannel = "state:1"

// recentMost is how many of its latest events a channel keeps, few enough that readers fall behind them.
const recentMost = 12

// A channel is an edge's view of a channel that is followed: a model of the edge's fan-out, whose own code has goroutines and
// lies beyond what a hub may import. It makes the same decisions in the same order, and no others.
type channel struct {
	edge   *edge
	name   string
	life   int
	follow *follow

	opened    bool
	following bool      // the feed has described the channel since it began
	followed  time.Time // when following was set
	epoch     uint64
	offset    uint64
	recent    []*weirpb.Event
	readers   []*subscription

	// keys are those of a state channel, loading a snapshot that is coming in.
	keys, loading map[string]string
	holed         bool
}

// channel returns the edge's view of a channel, which it follows from now on.
func (e *edge) channel(name string) *channel {
	c := e.channels[name]
	if c == nil {
		c = &channel{edge: e, name: name, life: e.life}
		e.channels[name] = c
		c.reach()
	}
	return c
}

func (c *channel) alive() bool { return c.edge.up && c.edge.life == c.life }

func (c *channel) isState() bool { return c.name == stateChannel }

// reach follows the channel where it is led, from where it stands, again and again.
func (c *channel) reach() {
	if !c.alive() || c.follow != nil {
		return
	}
	w := c.edge.w
	name, _ := c.edge.routing.Leader(shards.ShardOf(tenant, c.name).Group())
	l := c.edge.links[name]
	if l == nil {
		w.after(20*time.Millisecond, c.reach)
		return
	}
	c.following, c.loading = false, nil
	if !c.opened || c.holed {
		c.open(l, nil)
		return
	}
	c.open(l, &weirpb.Cursor{Epoch: c.epoch, Offset: c.offset})
}

// stop ends what the channel is at, for now.
func (c *channel) stop() {
	c.following = false
	if c.follow != nil {
		c.follow.cancel()
		c.follow = nil
	}
}

// again follows anew, soon.
func (c *channel) again() {
	c.stop()
	w := c.edge.w
	w.after(w.between(20*time.Millisecond, 100*time.Millisecond), c.reach)
}

// moved looks whether the channel is followed where it is led, after a change of links or routes.
func (c *channel) moved() {
	f := c.follow
	if f == nil {
		return
	}
	if !f.link.open {
		c.again()
		return
	}
	name, _ := c.edge.routing.Leader(f.member.shard.Group())
	switch w := c.edge.w; {
	case name == "" || name == f.link.node.name:
		f.left = time.Time{}
	case f.left.IsZero():
		f.left = w.now
		w.after(100*time.Millisecond, func() {
			if c.follow == f && !f.left.IsZero() && w.bug != servesOn {
				c.again()
			}
		})
	}
}

func (c *channel) ended(f *follow, _ *fault.Fault) {
	if c.follow == f && c.alive() {
		c.again()
	}
}

// arrived takes a batch of the feed.
func (c *channel) arrived(f *follow, b *weirpb.FeedBatch) {
	if c.follow != f || !c.alive() {
		return
	}
	if !c.deliver(b) {
		c.again()
		return
	}
	if c.isState() {
		c.checkState()
	}
	for _, s := range c.readers {
		s.push()
	}
}

// deliver reports whether the feed may go on.
func (c *channel) deliver(b *weirpb.FeedBatch) bool {
	if b.GetChannel() != nil {
		c.described(b)
	}
	switch {
	case !c.following:
		return false
	case b.GetSnapshot():
		c.load(b)
		return true
	case c.loading != nil:
		return len(b.GetEvents()) == 0
	}
	for _, e := range b.GetEvents() {
		if !c.take(e) {
			return false
		}
	}
	return c.get(b.GetCursor().GetOffset())
}

func (c *channel) described(b *weirpb.FeedBatch) {
	info := b.GetChannel()
	if !c.following {
		c.following, c.followed = true, c.edge.w.now
	}
	if c.isState() {
		if !c.opened || c.epoch != info.GetEpoch() {
			c.loading = map[string]string{}
		}
		return
	}
	switch start := b.GetCursor().GetOffset(); {
	case !c.opened:
		c.opened, c.epoch, c.offset = true, info.GetEpoch(), start
	case info.GetEpoch() != c.epoch || start > c.offset:
		c.rebase(info.GetEpoch(), start)
	}
}

func (c *channel) rebase(epoch, offset uint64) {
	c.epoch, c.offset, c.recent = epoch, offset, nil
}

// get makes sure that the channel stands where the feed says, even if events before have not come.
func (c *channel) get(offset uint64) bool {
	if offset <= c.offset {
		return true
	}
	if c.isState() {
		c.holed = true
		return false
	}
	c.rebase(c.epoch, offset)
	return true
}

func (c *channel) take(e *weirpb.Event) bool {
	if e.GetOffset() <= c.offset {
		return true
	}
	if !c.get(e.GetOffset() - 1) {
		return false
	}
	c.offset = e.GetOffset()
	if c.isState() {
		c.put(c.keys, e)
		return true
	}
	c.recent = append(c.recent, e)
	if len(c.recent) > recentMost {
		c.recent = c.recent[1:]
	}
	return true
}

func (c *channel) put(keys map[string]string, e *weirpb.Event) {
	if delete(keys, e.GetKey()); !e.GetTombstone() {
		keys[e.GetKey()] = string(e.GetPayload())
	}
}

func (c *channel) load(b *weirpb.FeedBatch) {
	if c.loading == nil {
		c.loading = map[string]string{}
	}
	for _, e := range b.GetEvents() {
		c.put(c.loading, e)
	}
	if b.GetSnapshotEnd() {
		c.keys, c.loading, c.holed, c.opened = c.loading, nil, false, true
		c.epoch, c.offset = b.GetCursor().GetEpoch(), b.GetCursor().GetOffset()
	}
}

// checkState compares a state channel with the truth: at every cursor it has precisely the latest of each key.
func (c *channel) checkState() {
	if !c.opened || c.loading != nil || c.holed {
		return
	}
	want := map[string]string{}
	for n := uint64(1); n <= c.offset; n++ {
		e := c.edge.w.truth.at(c.name, c.epoch, n)
		if e == nil {
			c.edge.w.broken("P5", "%s stands at %d of %q, which is not committed", c.edge.name, c.offset, c.name)
			return
		}
		c.put(want, e)
	}
	if len(want) != len(c.keys) {
		c.edge.w.broken("P5", "%s has %v at %d of %q, which holds %v", c.edge.name, c.keys, c.offset, c.name, want)
	}
	for k, v := range want {
		if c.keys[k] != v {
			c.edge.w.broken("P5", "%s has %q of %q at %d, which is %q", c.edge.name, c.keys[k], k, c.offset, v)
		}
	}
}
