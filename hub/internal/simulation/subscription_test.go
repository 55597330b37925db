package simulation

import (
	"time"

	"weir/proto/weirpb"
)

// A subscription is an edge's side of a reader's: where it stands in a channel, and how it goes on.
type subscription struct {
	channel *channel
	reader  *reader
	pipe    pipe
	gone    bool

	began    bool
	epoch    uint64
	offset   uint64
	earliest bool
	lost     *weirpb.Gap
	reading  bool      // a page of the window is on its way
	ahead    time.Time // since when it has waited for the channel to get to its epoch; zero: it does not
}

// aheadMost is how long it waits, for a channel that is being followed.
const aheadMost = 10 * time.Second

// A batch is what a reader is sent: a gap, if there is one, then events, all that there is up to its cursor.
type batch struct {
	gap    *weirpb.Gap
	events []*weirpb.Event
	epoch  uint64
	offset uint64
}

// push sends what there is. It decides as the edge's fan-out does.
func (s *subscription) push() {
	c, w := s.channel, s.channel.edge.w
	if s.gone || s.reading || !c.opened || !c.alive() {
		return
	}
	if !s.began { // live
		s.began, s.epoch, s.offset = true, c.epoch, c.offset
		s.send(nil, nil)
		return
	}
	if s.expects() {
		return
	}
	if s.epoch != c.epoch && w.bug != ignoresEpochs {
		s.epoch, s.offset = c.epoch, 0
		s.earliest, s.lost = true, &weirpb.Gap{Reason: "epoch_changed"}
	}
	switch {
	case s.earliest:
		s.read()
	case s.offset >= c.offset: // or it is ahead of this edge, which will get there
	case len(c.recent) > 0 && c.recent[0].GetOffset() <= s.offset+1:
		from := s.offset + 1 - c.recent[0].GetOffset()
		if w.bug == sendsTwice && from > 0 && w.chance(20) {
			from--
		}
		s.send(nil, c.recent[from:])
	default:
		s.read()
	}
}

// expects reports whether the channel is expected to get to the epoch where the subscription stands.
func (s *subscription) expects() bool {
	c, w := s.channel, s.channel.edge.w
	if s.epoch <= c.epoch || w.bug == goesBack {
		s.ahead = time.Time{}
		return false
	}
	if s.ahead.IsZero() {
		s.ahead = w.now
	}
	if !c.following {
		return true
	}
	until := s.ahead.Add(aheadMost)
	if t := c.followed.Add(aheadMost); t.After(until) {
		until = t
	}
	if !w.now.Before(until) {
		return false
	}
	w.at(until, s.push)
	return true
}

// send sends events that follow where the subscription stands.
func (s *subscription) send(gap *weirpb.Gap, events []*weirpb.Event) {
	if len(events) > 0 {
		s.offset = events[len(events)-1].GetOffset()
	}
	b := batch{gap: gap, events: events, epoch: s.epoch, offset: s.offset}
	s.pipe.send(func() { s.reader.took(s, b) })
}

// read asks the hub for a page of the window.
func (s *subscription) read() {
	c, w := s.channel, s.channel.edge.w
	name, _ := c.edge.routing.Leader(shards.ShardOf(tenant, c.name).Group())
	l := c.edge.links[name]
	s.reading = true
	if l == nil {
		s.pause()
		return
	}
	var after *weirpb.Cursor
	if !s.earliest {
		after = &weirpb.Cursor{Epoch: s.epoch, Offset: s.offset}
	}
	w.after(w.hop(), func() {
		if !l.open || !l.reached() {
			s.pause()
			return
		}
		r, err := l.node.members[shards.ShardOf(tenant, c.name)-1].history(c.name, after)
		w.after(w.hop(), func() {
			if err != nil || !l.open {
				s.pause()
				return
			}
			s.answered(r)
		})
	})
}

func (s *subscription) pause() {
	w := s.channel.edge.w
	w.after(w.between(10*time.Millisecond, 60*time.Millisecond), func() {
		s.reading = false
		s.push()
	})
}

// answered goes on with a page of the window.
func (s *subscription) answered(r *weirpb.HistoryResponse) {
	epoch := r.GetChannel().GetEpoch()
	if epoch != s.epoch || len(r.GetEvents()) == 0 && r.GetGap() == nil && !s.earliest {
		s.pause()
		return
	}
	gap := s.lost
	if g := r.GetGap(); g != nil && !s.earliest {
		gap = &weirpb.Gap{From: s.offset + 1, To: g.GetTo(), Reason: g.GetReason()}
		s.offset = g.GetTo()
	}
	if s.earliest {
		s.offset = r.GetChannel().GetNextOffset() - 1
		if len(r.GetEvents()) > 0 {
			s.offset = r.GetEvents()[0].GetOffset() - 1
		}
	}
	if s.channel.edge.w.bug == trimsSilently && gap.GetReason() == "trimmed" {
		gap = nil
	}
	s.earliest, s.lost, s.reading = false, nil, false
	s.send(gap, r.GetEvents())
	s.push()
}
