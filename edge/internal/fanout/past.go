package fanout

import "weir/proto/weirpb"

// historyPage is how many events are read from the hub's window at a time.
const historyPage = 500

// pageBytes is about how long a page of the past may be, in bytes.
const pageBytes = 32 << 10

// A past decides about events of a log channel's past for one subscriber. It has a panel of its own, so the channel goes
// on meanwhile. It belongs to one goroutine.
type past struct {
	channel *channel
	panel   *panel
	shower  shower
	group   *group // that has the seats
	seats   []seat
}

func newPast(c *channel) *past { return &past{channel: c, panel: newPanel(c)} }

// window delivers what the hub has answered to a plan.
func (h *past) window(s *Subscriber, p plan, r *weirpb.HistoryResponse) bool {
	gap := p.lost
	if g := r.GetGap(); g != nil && !p.earliest {
		s.mu.Lock()
		gap = &weirpb.Gap{From: p.after.offset + 1, To: g.GetTo(), Reason: s.why}
		s.mu.Unlock()
		p.after.offset = g.GetTo()
	}
	if p.earliest {
		p.after = position{r.GetChannel().GetEpoch(), r.GetChannel().GetNextOffset() - 1}
		if len(r.GetEvents()) > 0 {
			p.after.offset = r.GetEvents()[0].GetOffset() - 1
		}
	}
	return h.deliver(s, p, r.GetEvents(), gap)
}

// deliver decides about events that follow p.after and queues what is to be shown, waiting while the subscriber has
// something to read. It reports whether the subscriber still wants to go on.
func (h *past) deliver(s *Subscriber, p plan, events []*weirpb.Event, gap *weirpb.Gap) bool {
	if h.group != p.group {
		h.panel = newPanel(h.channel)
		h.group, h.seats = p.group, h.panel.sit(p.group.terms)
	}
	at := p.after
	for first := true; first || len(events) > 0; first = false {
		next, n := h.page(at, events, gap)
		events, gap = events[n:], nil
		at = next.trailer.cursor
		proceed, open := s.queuePage(next, p.group)
		if !open {
			return false
		}
		if !proceed {
			break
		}
	}
	h.channel.table.metrics.Evaluations.Add(float64(h.panel.asked))
	h.panel.asked = 0
	return true
}

// page makes one batch of the first of events, and returns how many these are.
func (h *past) page(at position, events []*weirpb.Event, gap *weirpb.Gap) (*page, int) {
	p := &page{trailer: trailer{cursor: at, gap: gap}}
	n := 0
	for ; n < len(events) && len(p.items) < pageBytes; n++ {
		e := events[n]
		switch item, v := h.decide(e); v {
		case match:
			p.items = append(p.items, item...)
			p.count++
		case held:
			p.trailer.skipped++
			p.trailer.skippedBytes += uint64(len(e.GetPayload()))
		default:
			if !p.extendGap(e.GetOffset(), v.reason()) {
				return p, n // the next batch begins with the gap
			}
		}
		p.trailer.cursor.offset = e.GetOffset()
	}
	return p, n
}

// extendGap takes an event that is undecided for a reason into the gap that stands before a page's items.
func (p *page) extendGap(offset uint64, reason string) bool {
	if p.trailer.gap == nil && p.count == 0 {
		p.trailer.gap = &weirpb.Gap{From: offset, To: offset, Reason: reason}
		return true
	}
	if g := p.trailer.gap; g == nil || p.count > 0 || g.Reason != reason || g.To+1 != offset {
		return false
	}
	p.trailer.gap.To = offset
	return true
}

func (h *past) decide(e *weirpb.Event) ([]byte, verdict) {
	h.panel.begin(e)
	v := h.panel.verdict(h.seats)
	if v != match {
		return nil, v
	}
	payload, err := h.shower.shown(h.channel, h.group, e)
	if err != nil {
		return nil, undecidedBy(err)
	}
	return encodeItem(weirpb.ItemKind_ITEM_KIND_EVENT, e, payload), match
}

// queuePage queues a page that g decided about and waits until the queue is read. open is false if the subscriber has
// gone; proceed is false if it is of another group by now, and the page was thrown away or is the last of the old one.
func (s *Subscriber) queuePage(p *page, g *group) (proceed, open bool) {
	s.mu.Lock()
	switch {
	case s.closed:
		s.mu.Unlock()
		return false, false
	case s.group != g:
		s.mu.Unlock()
		return false, true
	}
	p.trailer.revision = s.revision
	s.cursor, s.earliest, s.lost = p.trailer.cursor, false, nil
	s.queue = append(s.queue, p)
	select {
	case <-s.room: // of an earlier queue
	default:
	}
	s.mu.Unlock()
	s.wake()
	select {
	case <-s.room:
		return true, true
	case <-s.gone:
	case <-s.channel.ctx.Done():
	}
	return false, false
}
