package fanout

import (
	"weir/proto/weirpb"
)

// A segment is something to be sent before what is in the ring.
type segment interface {
	// appendBatch appends the next batch, of about budget bytes, and says whether that was the last. The subscriber's mu
	// is held.
	appendBatch(dst []byte, s *Subscriber, budget int) (out []byte, done bool)
}

// A page is one batch, already decided about: of a log's past, or without items to say where the subscription stands.
type page struct {
	items   []byte // encoded
	count   int
	trailer trailer
}

func (p *page) appendBatch(dst []byte, s *Subscriber, _ int) ([]byte, bool) {
	b := beginBatch(dst, s.id)
	b.dst = append(b.dst, p.items...)
	b.items = p.count
	return s.emit(&b, p.trailer), true
}

// A run is what a subscriber had not read of a group's ring when it changed to another group.
type run struct {
	entries []entry
	tail    tail
	place   place // before the entries
}

func (r *run) appendBatch(dst []byte, s *Subscriber, budget int) ([]byte, bool) {
	dst, used := s.appendEntries(dst, &r.place, r.entries, true, r.tail, budget)
	r.entries = r.entries[used:]
	return dst, len(r.entries) == 0
}

// A snapshot is a group's view as it was at an offset. It shares the keys' events with the channel and with other
// snapshots; its own are a pointer per chunk and a bit per key.
type snapshot struct {
	keys     frozenKeys
	matches  bitset
	next     int // key to go on with
	group    *group
	cursor   position
	revision uint32
	gap      *weirpb.Gap
	begun    bool
}

func (n *snapshot) appendBatch(dst []byte, s *Subscriber, budget int) ([]byte, bool) {
	b := beginBatch(dst, s.id)
	shower := s.channel.table.showers.Get().(*shower)
	defer s.channel.table.showers.Put(shower)
	i := n.matches.next(n.next)
	for ; i >= 0; i = n.matches.next(i + 1) {
		e := n.keys.at(i)
		payload, err := shower.shown(s.channel, n.group, e)
		if err != nil {
			continue // held back; the failure is counted and logged where it happened
		}
		if b.items > 0 && b.size()+eventSize(e, payload, false) > budget {
			break
		}
		b.dst = appendItem(b.dst, weirpb.ItemKind_ITEM_KIND_SNAPSHOT, e, payload)
		b.items++
	}
	t := trailer{revision: s.sent, snapshotBegin: !n.begun, gap: n.gap}
	n.begun, n.gap, n.next = true, nil, i
	if i < 0 {
		t.snapshotEnd, t.cursor, t.revision = true, n.cursor, n.revision
	}
	return s.emit(&b, t), i < 0
}
