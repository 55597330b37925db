package simulation

import (
	"errors"
	"time"

	"google.golang.org/protobuf/proto"

	"weir/hub/internal/feed"
	"weir/hub/internal/shard"
	"weir/proto/fault"
	"weir/proto/logpb"
	"weir/proto/weirpb"
)

// A follow is one call of Follow, from an edge's channel to a node: the real follower on the real tail and store.
type follow struct {
	w       *world
	channel *channel
	link    *link
	member  *member
	pipe    pipe
	begun   bool // the node has begun to serve it
	over    bool
	fetched *feed.Follower
	release func()
	wait    <-chan struct{}
	left    time.Time // when another node was first seen to lead
}

// open asks a node to be followed after a cursor.
func (c *channel) open(l *link, from *weirpb.Cursor) {
	w := c.edge.w
	f := &follow{w: w, channel: c, link: l, member: l.node.members[shards.ShardOf(tenant, c.name)-1]}
	f.pipe.w = w
	c.follow = f
	w.after(w.hop(), func() {
		if !f.over && l.reached() {
			f.begin(from)
		}
	})
}

// begin is what hub.Follow does.
func (f *follow) begin(from *weirpb.Cursor) {
	n, m := f.link.node, f.member
	if m.lead == 0 {
		f.end(m.notLeader())
		return
	}
	settings := n.knows.settings(f.channel.name)
	id := shard.ChannelID{Tenant: settings.GetTenantId(), Name: f.channel.name}
	tail, release, err := m.feeds.Follow(id)
	if err != nil {
		f.end(fault.From(err))
		return
	}
	f.begun, f.release = true, release
	m.follows = append(m.follows, f)
	f.fetched = feed.NewFollower(feed.Channel{
		ID: id, Reader: m.reader, Tail: tail, State: settings.GetKind() == weirpb.ChannelKind_CHANNEL_KIND_STATE,
		Describe: func(row *logpb.ChannelRow) *weirpb.Channel { return m.describe(settings, f.channel.name, row) },
		CaughtUp: func(int) {},
	}, f.send)
	if err := f.fetched.Begin(from); err != nil {
		f.stop(err)
		return
	}
	f.step()
}

// describe makes a channel's description of its row, as hub.describe does.
func (m *member) describe(settings *logpb.Settings, name string, row *logpb.ChannelRow) *weirpb.Channel {
	c := &weirpb.Channel{
		Name: name, Kind: row.GetKind(), Epoch: row.GetEpoch(),
		FirstOffset: row.GetWindow().GetFirstOffset(), NextOffset: row.GetNextOffset(),
	}
	if row.GetNextOffset() == 1 {
		base, err := m.reader.BaseEpoch()
		if err != nil {
			panic(err)
		}
		c.Kind, c.Epoch = settings.GetKind(), base+settings.GetGeneration()
	}
	m.node.w.truth.noteTrimmed(c)
	return c
}

// send carries a batch to the edge.
func (f *follow) send(b *weirpb.FeedBatch) error {
	if m := f.member; m.lead == 0 && f.w.now.Sub(m.left) > lease {
		f.w.broken("P4", "%s goes on serving %q long after it has lost the lead", m.node.name, f.channel.name)
	}
	b = proto.CloneOf(b)
	f.pipe.send(func() { f.channel.arrived(f, b) })
	return nil
}

// step delivers what there is, unless nothing has woken the follower.
func (f *follow) step() {
	for !f.over && f.begun {
		if f.wait != nil {
			select {
			case <-f.wait:
			default:
				return
			}
		}
		var err error
		if f.wait, err = f.fetched.Step(); err != nil {
			f.stop(err)
		}
	}
}

// stop ends the follow at the node, which tells the edge why.
func (f *follow) stop(err error) {
	f.leave()
	f.end(fault.From(err))
}

func (f *follow) leave() {
	if f.begun {
		f.begun = false
		f.release()
		for i, other := range f.member.follows {
			if other == f {
				f.member.follows = append(f.member.follows[:i], f.member.follows[i+1:]...)
				break
			}
		}
	}
}

// end tells the edge, after all that was sent.
func (f *follow) end(why *fault.Fault) {
	f.pipe.send(func() { f.channel.ended(f, why) })
}

// cancel ends the follow at the edge.
func (f *follow) cancel() {
	f.over = true
	f.pipe.cut(0)
	f.leave()
}

// wakeFollows lets followers look for more, each at its own pace.
func (m *member) wakeFollows() {
	w := m.node.w
	for _, f := range m.follows {
		d := w.between(0, 2*time.Millisecond)
		if !w.calm && w.chance(3) { // a slow one, which the window may leave behind
			d = w.between(0, time.Second)
		}
		m.then(d, f.step)
	}
}

// history is hub.History without its bounds.
func (m *member) history(channel string, after *weirpb.Cursor) (*weirpb.HistoryResponse, error) {
	if m.lead == 0 {
		return nil, m.notLeader()
	}
	settings := m.node.knows.settings(channel)
	id := shard.ChannelID{Tenant: settings.GetTenantId(), Name: channel}
	row, err := m.reader.Channel(id)
	if err != nil {
		return nil, err
	}
	in, epoch := shard.Range{After: after.GetOffset()}, m.describe(settings, channel, row).GetEpoch()
	r := &weirpb.HistoryResponse{}
	if after != nil && after.GetEpoch() != epoch {
		in.After, r.Gap = 0, &weirpb.Gap{Reason: "epoch_changed"}
	}
	s, err := m.reader.Select(id, in, shard.Page{Count: 10, Bytes: 1 << 20}, shard.Page{Count: 100, Bytes: 1 << 20})
	if err != nil {
		return nil, err
	}
	if in.After >= s.Row.GetNextOffset() {
		return nil, errors.New("the cursor is ahead")
	}
	r.Channel, r.Events, r.More = m.describe(settings, channel, s.Row), s.Events, s.More
	if first := s.Row.GetWindow().GetFirstOffset(); r.Gap == nil && after != nil && in.After+1 < first {
		r.Gap = &weirpb.Gap{From: in.After + 1, To: first - 1, Reason: "trimmed"}
	}
	return r, nil
}
