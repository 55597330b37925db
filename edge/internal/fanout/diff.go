package fanout

import (
	"bytes"

	"weir/proto/weirpb"
)

// diffMostBytes bounds a batch with the difference between two views; a greater difference is sent as a snapshot. It
// leaves room below frame.MaxFromServer for one more item of the largest payload.
const diffMostBytes = 512 << 10

// A diff is what changes when a subscriber to a state channel changes from one group to another, at an offset.
type diff struct {
	keys     frozenKeys
	from, to bitset
	old, new *group
	cursor   position
	revision uint32
}

func (d *diff) appendBatch(dst []byte, s *Subscriber, budget int) ([]byte, bool) {
	start := len(dst)
	b := beginBatch(dst, s.id)
	shower := s.channel.table.showers.Get().(*shower)
	defer s.channel.table.showers.Put(shower)
	reshown := (d.old.projects || d.new.projects) && !sameShow(d.old.terms, d.new.terms)
	both := union(d.from, d.to)
	for i := both.next(0); i >= 0; i = both.next(i + 1) {
		e := d.keys.at(i)
		switch was, is := d.from.has(i), d.to.has(i); {
		case was && !is:
			b.dst = appendItem(b.dst, weirpb.ItemKind_ITEM_KIND_LEAVE, e, nil)
			b.items++
		case !was || reshown:
			d.show(&b, shower, s.channel, e, was)
		}
		if b.size() > diffMostBytes {
			s.queue[0] = &snapshot{keys: d.keys, matches: d.to, group: d.new, cursor: d.cursor, revision: d.revision}
			s.channel.table.metrics.Resyncs.WithLabelValues(resyncParams).Inc()
			return s.queue[0].appendBatch(b.dst[:start], s, budget)
		}
	}
	return s.emit(&b, trailer{cursor: d.cursor, revision: d.revision}), true
}

// show appends a key that matches now: ENTER, or UPDATE if it matched before and was shown differently.
func (d *diff) show(b *batchWriter, shower *shower, c *channel, e *weirpb.Event, was bool) {
	kind := weirpb.ItemKind_ITEM_KIND_ENTER
	var before []byte
	if was {
		kind = weirpb.ItemKind_ITEM_KIND_UPDATE
		shown, err := shower.shown(c, d.old, e)
		if err != nil {
			was = false
		}
		before = append(before, shown...)
	}
	payload, err := shower.shown(c, d.new, e)
	if err != nil || was && bytes.Equal(before, payload) {
		return
	}
	b.dst = appendItem(b.dst, kind, e, payload)
	b.items++
}

// sameShow reports whether two lists of terms show an event alike.
func sameShow(a, b []Term) bool {
	i, j := 0, 0
	for {
		for i < len(a) && !a[i].Sieve.Projects {
			i++
		}
		for j < len(b) && !b[j].Sieve.Projects {
			j++
		}
		if i == len(a) || j == len(b) {
			return i == len(a) && j == len(b)
		}
		if a[i].Sieve.ID != b[j].Sieve.ID || a[i].Paused != b[j].Paused || !bytes.Equal(a[i].Prepared, b[j].Prepared) {
			return false
		}
		i, j = i+1, j+1
	}
}
