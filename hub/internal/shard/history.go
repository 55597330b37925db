package shard

import (
	"sort"

	"weir/hub/internal/store"
	"weir/proto/logpb"
	"weir/proto/weirpb"
)

// A Range says which events of a channel's window are meant. The zero value is all.
type Range struct {
	// After and Last are offsets: the events after the one, up to and including the other. Last 0: to the end.
	After, Last uint64
	// FromMs and UntilMs bound the events' time: from the one on, before the other. 0: not at all.
	FromMs, UntilMs int64
	// Key is that of the events. Empty: any or none.
	Key string
}

// A Stretch is what a read of a range has found.
type Stretch struct {
	// Row is the channel's, of the same moment.
	Row    *logpb.ChannelRow
	Events []*weirpb.Event
	// At is the offset up to which the range has been read. More is whether it goes on after that.
	At   uint64
	More bool
}

// Select reads the beginning of a range: at most a page of events, after a look at a bounded number.
func (r Reader) Select(id ChannelID, in Range, page, look Page) (s Stretch, err error) {
	err = r.store.ViewSnapshot(func(rows store.Reader) error {
		if s.Row, err = r.channelIn(rows, id); err != nil {
			return err
		}
		first, next, err := r.bounds(rows, id, s.Row, in)
		if err != nil {
			return err
		}
		s.At = max(in.After, first-1)
		if first >= next {
			return nil
		}
		return r.selectIn(rows, id, first, next, in.Key, page, look, &s)
	})
	return s, err
}

// bounds returns the offset of a range's first event, and the one after its last.
func (r Reader) bounds(rows store.Reader, id ChannelID, row *logpb.ChannelRow, in Range) (first, next uint64, err error) {
	first, next = max(in.After+1, row.Window.FirstOffset), row.NextOffset
	if in.Last != 0 {
		next = min(next, in.Last+1)
	}
	if in.FromMs != 0 {
		if first, err = r.atTime(rows, id, first, row.NextOffset, in.FromMs); err != nil {
			return 0, 0, err
		}
	}
	if in.UntilMs != 0 && first < next {
		next, err = r.atTime(rows, id, first, next, in.UntilMs)
	}
	return first, next, err
}

// atTime returns the first offset from first on and before next whose event is of a time or later; next if there is none.
// Times never run backwards within a channel, so it takes about as many reads as the number of events has bits.
func (r Reader) atTime(rows store.Reader, id ChannelID, first, next uint64, ms int64) (uint64, error) {
	if first >= next {
		return first, nil
	}
	var failed error
	n := sort.Search(int(next-first), func(i int) bool {
		if failed != nil {
			return true
		}
		var at int64
		at, failed = r.timeOf(rows, id, first+uint64(i))
		return at >= ms
	})
	return first + uint64(n), failed
}

func (r Reader) timeOf(rows store.Reader, id ChannelID, offset uint64) (ms int64, err error) {
	err = r.scanEvents(rows, id, offset, offset+1, func(e *weirpb.Event, _ int) (bool, error) {
		ms = e.GetTimeMs()
		return false, nil
	})
	return ms, err
}

// selectIn reads events from first on and before next.
func (r Reader) selectIn(rows store.Reader, id ChannelID, first, next uint64, eventKey string, page, look Page, s *Stretch) error {
	looked, lookedBytes, bytes := 0, 0, 0
	err := r.scanEvents(rows, id, first, next, func(e *weirpb.Event, size int) (bool, error) {
		if eventKey == "" || e.Key == eventKey {
			if len(s.Events) == page.Count || (len(s.Events) > 0 && bytes+size > page.Bytes) {
				return false, nil
			}
			bytes += size
			s.Events = append(s.Events, e)
		}
		looked, lookedBytes = looked+1, lookedBytes+size
		s.At = e.Offset
		return looked < look.Count && lookedBytes < look.Bytes, nil
	})
	s.More = s.At+1 < next
	return err
}
