package shard

import (
	"encoding/binary"
	"sync/atomic"

	"weir/hub/internal/placement"
	"weir/hub/internal/store"
	"weir/proto/logpb"
	"weir/proto/weirpb"
)

// A Reader reads what a shard has committed. It is safe for concurrent use.
type Reader struct {
	store *store.Store
	shard placement.Shard
	// earliest is when the first is due of what the store does not have yet, in milliseconds since the Unix epoch. Nil:
	// it is not known.
	earliest *atomic.Int64
}

// NewReader returns a Reader of a shard.
func NewReader(s *store.Store, id placement.Shard) Reader { return Reader{store: s, shard: id} }

// A Page bounds what one read returns.
type Page struct {
	Count int
	// Bytes bounds the events' encodings; the first event is returned whatever its size.
	Bytes int
}

// BaseEpoch returns the shard's base epoch, 0 before its first command.
func (r Reader) BaseEpoch() (base uint64, err error) {
	key := appendPrefix(nil, r.shard, kindBase)
	err = r.store.View(func(rows store.Reader) error {
		_, err := rows.Get(key, func(body []byte) error {
			if len(body) != 8 {
				return &store.CorruptError{Key: key, Reason: "it is no epoch"}
			}
			base = binary.BigEndian.Uint64(body)
			return nil
		})
		return err
	})
	return base, err
}

// Channel returns a channel's row. The row of one that nobody has published to has neither kind nor epoch.
func (r Reader) Channel(id ChannelID) (*logpb.ChannelRow, error) { return r.channelRow(id) }

func (r Reader) channelRow(id ChannelID) (row *logpb.ChannelRow, err error) {
	err = r.store.View(func(rows store.Reader) error {
		row, err = r.channelIn(rows, id)
		return err
	})
	return row, err
}

func (r Reader) channelIn(rows store.Reader, id ChannelID) (*logpb.ChannelRow, error) {
	row := &logpb.ChannelRow{}
	key := appendChannel(nil, r.shard, id)
	found, err := rows.GetMessage(key, row)
	switch {
	case err != nil:
		return nil, err
	case !found:
		return &logpb.ChannelRow{NextOffset: 1, Window: &logpb.Window{FirstOffset: 1}}, nil
	case row.Window == nil || row.NextOffset < row.Window.FirstOffset:
		return nil, &store.CorruptError{Key: key, Reason: "its window can't be"}
	}
	return row, nil
}

// Events reads the events after an offset, in order, and returns them with the channel's row of that moment. Where the
// window begins later, so do the events.
func (r Reader) Events(id ChannelID, after uint64, page Page) (row *logpb.ChannelRow, events []*weirpb.Event, err error) {
	err = r.store.ViewSnapshot(func(rows store.Reader) error {
		row, err = r.channelIn(rows, id)
		if err != nil {
			return err
		}
		from := max(after+1, row.Window.FirstOffset)
		if from >= row.NextOffset {
			return nil
		}
		events, err = r.eventsIn(rows, id, from, row.NextOffset, page)
		return err
	})
	return row, events, err
}

func (r Reader) eventsIn(rows store.Reader, id ChannelID, from, next uint64, page Page) (events []*weirpb.Event, err error) {
	size := 0
	err = r.scanEvents(rows, id, from, next, func(e *weirpb.Event, bytes int) (bool, error) {
		if len(events) > 0 && size+bytes > page.Bytes {
			return false, nil
		}
		size += bytes
		events = append(events, e)
		return len(events) < page.Count, nil
	})
	return events, err
}

// Latest reads a page of the latest events of a state channel, in the order of their keys after a key, and whether there
// are more.
func (r Reader) Latest(id ChannelID, afterKey string, page Page) (row *logpb.ChannelRow, events []*weirpb.Event, more bool, err error) {
	err = r.store.ViewSnapshot(func(rows store.Reader) error {
		if row, err = r.channelIn(rows, id); err != nil {
			return err
		}
		size := 0
		start := appendWithin(nil, r.shard, kindLatest, id)
		end := store.After(start)
		if afterKey != "" {
			start = append(append(start, afterKey...), 0)
		}
		return rows.Scan(start, end, func(key, body []byte) (bool, error) {
			if len(events) == page.Count || len(events) > 0 && size+len(body) > page.Bytes {
				more = true
				return false, nil
			}
			e := &weirpb.Event{}
			size += len(body)
			events = append(events, e)
			return true, store.Unmarshal(key, body, e)
		})
	})
	return row, events, more, err
}

// LatestOf reads the latest events of these keys, leaving out those that have none.
func (r Reader) LatestOf(id ChannelID, keys []string) (row *logpb.ChannelRow, events []*weirpb.Event, err error) {
	err = r.store.ViewSnapshot(func(rows store.Reader) error {
		if row, err = r.channelIn(rows, id); err != nil {
			return err
		}
		for _, k := range keys {
			e := &weirpb.Event{}
			found, err := rows.GetMessage(appendLatest(nil, r.shard, id, []byte(k)), e)
			if err != nil {
				return err
			}
			if found {
				events = append(events, e)
			}
		}
		return nil
	})
	return row, events, err
}

// Snapshot calls describe with a state channel's row and then batch with its latest events, page by page in the order of
// their keys, all of one moment. The last page has last set, and may be empty. A slow batch holds on to old versions of
// rows, not to memory.
func (r Reader) Snapshot(id ChannelID, page Page, describe func(*logpb.ChannelRow) error, batch func(events []*weirpb.Event, last bool) error) error {
	return r.store.ViewSnapshot(func(rows store.Reader) error {
		row, err := r.channelIn(rows, id)
		if err != nil {
			return err
		}
		if err := describe(row); err != nil {
			return err
		}
		var events []*weirpb.Event
		size := 0
		start := appendWithin(nil, r.shard, kindLatest, id)
		err = rows.Scan(start, store.After(start), func(key, body []byte) (bool, error) {
			if len(events) > 0 && (len(events) == page.Count || size+len(body) > page.Bytes) {
				if err := batch(events, false); err != nil {
					return false, err
				}
				events, size = nil, 0
			}
			e := &weirpb.Event{}
			size += len(body)
			events = append(events, e)
			return true, store.Unmarshal(key, body, e)
		})
		if err != nil {
			return err
		}
		return batch(events, true)
	})
}

// DueRow is a row of the index of what comes of age.
type DueRow struct {
	DueMs int64
	ID    ProducerID // with an empty name for a channel's window
}

// Due returns what is due at nowMs, oldest first, at most limit. As it is asked for time and again, nothing is put into the
// store for it unless something is due.
func (r Reader) Due(nowMs int64, limit int) (due []DueRow, err error) {
	if r.earliest != nil && r.earliest.Load() > nowMs {
		err := r.store.Peek(func(rows store.Reader) error {
			due, err = r.dueIn(rows, nowMs, 1)
			return err
		})
		if err != nil || len(due) == 0 {
			return nil, err
		}
	}
	err = r.store.View(func(rows store.Reader) error {
		due, err = r.dueIn(rows, nowMs, limit)
		return err
	})
	return due, err
}

func (r Reader) dueIn(rows store.Reader, nowMs int64, limit int) (due []DueRow, err error) {
	start := appendPrefix(nil, r.shard, kindDue)
	end := binary.BigEndian.AppendUint64(appendPrefix(nil, r.shard, kindDue), uint64(max(0, nowMs)+1))
	err = rows.Scan(start, end, func(key, _ []byte) (bool, error) {
		ms, id, err := parseDue(key)
		if err != nil {
			return false, &store.CorruptError{Key: append([]byte(nil), key...), Reason: err.Error()}
		}
		due = append(due, DueRow{DueMs: ms, ID: id})
		return len(due) < limit, nil
	})
	return due, err
}
