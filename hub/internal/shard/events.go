package shard

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"google.golang.org/protobuf/proto"

	"weir/hub/internal/run"
	"weir/hub/internal/store"
	"weir/proto/logpb"
	"weir/proto/weirpb"
)

// A channel's events are stored as runs, each under the offset of its last event, so that the first row from an offset on has
// that event. How events are divided depends on when they were written, and differs between replicas. No run has events of
// two segments of the window, so that what leaves the window is whole rows.

// writeEvents stores a channel's last events, those before next, as runs.
func (s *Shard) writeEvents(b *store.Batch, c *channel) error {
	s.key = appendWithin(s.key[:0], s.shard, kindEvent, c.id)
	prefix := len(s.key)
	for at, rest := c.row.NextOffset-uint64(len(c.events)), c.events; len(rest) > 0; {
		row, n := s.nextRun(rest[:min(uint64(len(rest)), segmentEnd(c.row.Window, at)-at)])
		at, rest = at+uint64(n), rest[n:]
		s.key = binary.BigEndian.AppendUint64(s.key[:prefix], at-1)
		if err := b.PutRow(s.key, row); err != nil {
			return err
		}
	}
	return nil
}

// segmentEnd returns the first offset after the segment of a window that an offset is in.
func segmentEnd(w *logpb.Window, offset uint64) uint64 {
	for _, closed := range w.GetClosed() {
		if offset <= closed.LastOffset {
			return closed.LastOffset + 1
		}
	}
	return max(offset, w.GetOpen().GetLastOffset()) + 1
}

// nextRun makes the row of the first of some events, and returns how many it has.
func (s *Shard) nextRun(rows [][]byte) (row []byte, n int) {
	size := 0
	for _, r := range rows {
		room := run.Room(len(r) - store.SealBytes)
		if n > 0 && size+room > s.bounds.Run {
			break
		}
		size, n = size+room, n+1
	}
	if n == 1 {
		return rows[0], 1
	}
	s.body = append(s.body[:0], make([]byte, store.SealBytes)...)
	for _, r := range rows[:n] {
		s.body = run.Append(s.body, r[store.SealBytes:])
	}
	return s.body, n
}

// scanEvents calls f with the events from one offset on and before another, and the lengths of their encodings, until f returns false. There is one at
// least: if the row that should have it is missing, or another, the error is a *store.CorruptError.
func (r Reader) scanEvents(rows store.Reader, id ChannelID, from, next uint64, f func(e *weirpb.Event, size int) (more bool, err error)) error {
	want := from
	start := appendEvent(nil, r.shard, id, from)
	err := rows.Scan(start, store.After(start[:len(start)-8]), func(key, body []byte) (more bool, err error) {
		first, err := firstOf(key, body)
		if err != nil || first > want {
			return false, corruptRun(key, want, err)
		}
		for encoded, err := range run.Events(body) {
			if err != nil {
				return false, corruptRun(key, want, err)
			}
			if first++; first <= want {
				continue
			}
			e := &weirpb.Event{}
			if err := proto.Unmarshal(encoded, e); err != nil || e.Offset != want {
				return false, corruptRun(key, want, err)
			}
			want++
			if more, err = f(e, len(encoded)); err != nil || !more || want == next {
				return false, err
			}
		}
		return true, nil
	})
	if err == nil && want == from {
		err = &store.CorruptError{Key: start, Reason: "it is missing"}
	}
	return err
}

// firstOf returns the offset of the first event of a run.
func firstOf(key, body []byte) (uint64, error) {
	n, err := run.Len(body)
	if err != nil {
		return 0, err
	}
	last := binary.BigEndian.Uint64(key[len(key)-8:])
	if uint64(n) > last {
		return 0, fmt.Errorf("%w: it has %d events", run.ErrMalformed, n)
	}
	return last + 1 - uint64(n), nil
}

func corruptRun(key []byte, want uint64, cause error) error {
	return &store.CorruptError{Key: bytes.Clone(key), Reason: fmt.Sprintf("event %d should be there", want), Cause: cause}
}
