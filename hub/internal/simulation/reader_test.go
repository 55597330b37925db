package simulation

import (
	"time"
)

// A reader is a client with a subscription, which it loses and opens again, at whichever edge. It checks all that it gets.
type reader struct {
	w       *world
	channel string
	edge    *edge
	sub     *subscription

	began  bool
	epoch  uint64
	offset uint64
	got    int
}

// connect subscribes at an edge, where the reader had got to.
func (r *reader) connect() {
	w := r.w
	e := w.anyEdge()
	if e == nil {
		w.after(100*time.Millisecond, r.connect)
		return
	}
	life := e.life
	r.edge = e
	e.enter(r)
	w.after(w.hop(), func() {
		if r.edge != e || e.life != life {
			return
		}
		s := &subscription{channel: e.channel(r.channel), reader: r, began: r.began, epoch: r.epoch, offset: r.offset}
		s.pipe.w = w
		if r.began && w.bug == resumesOffByOne {
			s.offset++
		}
		r.sub = s
		s.channel.readers = append(s.channel.readers, s)
		s.push()
	})
}

// lost is called when the session is.
func (r *reader) lost() {
	if s := r.sub; s != nil {
		s.gone = true
		s.pipe.cut(0)
		for i, other := range s.channel.readers {
			if other == s {
				s.channel.readers = append(s.channel.readers[:i], s.channel.readers[i+1:]...)
				break
			}
		}
	}
	r.edge, r.sub = nil, nil
	r.w.after(r.w.between(5*time.Millisecond, 200*time.Millisecond), r.connect)
}

// leave has the reader lose its session.
func (r *reader) leave() {
	if r.edge != nil {
		r.edge.leave(r)
		r.lost()
	}
}

// took checks a batch: each event once, in order, and as it was committed, or a gap that says what is missing.
func (r *reader) took(s *subscription, b batch) {
	if r.sub != s {
		return
	}
	switch {
	case !r.began:
		r.began, r.epoch, r.offset = true, b.epoch, b.offset-uint64(len(b.events))
	case b.gap.GetReason() == "epoch_changed":
		r.renewed(b)
	case b.gap != nil:
		r.missed(b)
	}
	for _, e := range b.events {
		if b.epoch != r.epoch || e.GetOffset() != r.offset+1 {
			r.w.broken("P4", "a reader of %q gets %d of epoch %d after %d of epoch %d", r.channel, e.GetOffset(), b.epoch, r.offset, r.epoch)
			return
		}
		if want := r.w.truth.at(r.channel, r.epoch, e.GetOffset()); want == nil || string(want.GetPayload()) != string(e.GetPayload()) {
			r.w.broken("P4", "a reader of %q gets %v, committed is %v", r.channel, e, want)
			return
		}
		r.offset++
		r.got++
	}
	if b.epoch != r.epoch || b.offset != r.offset {
		r.w.broken("P4", "a reader of %q stands at %d of epoch %d, its cursor says %d of %d", r.channel, r.offset, r.epoch, b.offset, b.epoch)
	}
}

// renewed begins with the oldest event of another epoch, which is a later one.
func (r *reader) renewed(b batch) {
	start := b.offset - uint64(len(b.events))
	if b.epoch <= r.epoch || start > r.w.trimmed(r.channel, b.epoch) {
		r.w.broken("P4", "a reader of %q goes from epoch %d to %d of %d, of which %d are trimmed",
			r.channel, r.epoch, start, b.epoch, r.w.trimmed(r.channel, b.epoch))
	}
	r.epoch, r.offset = b.epoch, start
}

// missed checks that what a gap names is next, and gone from the window.
func (r *reader) missed(b batch) {
	g := b.gap
	if b.epoch != r.epoch || g.GetFrom() != r.offset+1 || g.GetTo() < g.GetFrom() || g.GetTo() > r.w.trimmed(r.channel, r.epoch) {
		r.w.broken("P4", "a reader of %q at %d is told of a gap from %d to %d, the window has lost %d",
			r.channel, r.offset, g.GetFrom(), g.GetTo(), r.w.trimmed(r.channel, r.epoch))
	}
	r.offset = g.GetTo()
}

// trimmed returns up to which offset a channel's events were gone from some node's window.
func (w *world) trimmed(channel string, epoch uint64) (last uint64) {
	if h := w.truth.channels[place{channel, epoch}]; h != nil {
		return h.trimmed
	}
	return 0
}

// anyEdge returns an edge that is up, nil if none is.
func (w *world) anyEdge() *edge {
	var up []*edge
	for _, e := range w.edges {
		if e.up {
			up = append(up, e)
		}
	}
	if len(up) == 0 {
		return nil
	}
	return pick(w, up)
}
