// Package window decides which of a channel's events are kept. Its functions are pure: they change only the window that
// they are given, and depend on nothing but their arguments, so every replica decides alike.
//
// A window is a row of segments and is trimmed by whole segments, so that trimming needs no look at the events. A segment
// holds at most 1/16 of what the window may, so at least 15/16 of it are kept; by age, up to 17/16.
package window

import (
	"math"

	"weir/proto/logpb"
)

// parts is how many segments make a full window: more would make the channel's row larger, which every batch rewrites.
const parts = 16

// Limits bound a window. All are positive.
type Limits struct {
	AgeMs int64
	Bytes uint64
	Count uint64
}

// LimitsOf returns the limits that a namespace's settings ask for.
func LimitsOf(s *logpb.Settings) Limits {
	return Limits{
		AgeMs: int64(min(s.GetWindowAgeMs(), math.MaxInt64/4)),
		Bytes: max(1, s.GetWindowBytes()),
		Count: max(1, s.GetWindowCount()),
	}
}

// Append adds the event at offset, of size bytes and timeMs, which is not before that of the event before.
func Append(w *logpb.Window, l Limits, offset, size uint64, timeMs int64) {
	if w.Open != nil && full(w, l, timeMs) {
		w.Closed = append(w.Closed, w.Open)
		w.Open = nil
	}
	if w.Open == nil {
		w.Open = &logpb.Segment{FirstTimeMs: timeMs}
		if len(w.Closed) == 0 {
			w.FirstOffset = offset
		}
	}
	w.Open.LastOffset = offset
	w.Open.LastTimeMs = timeMs
	w.Open.Bytes += size
	w.Bytes += size
}

// full reports whether the open segment has its share of one of the limits.
func full(w *logpb.Window, l Limits, timeMs int64) bool {
	first := w.FirstOffset
	if n := len(w.Closed); n > 0 {
		first = w.Closed[n-1].LastOffset + 1
	}
	return w.Open.LastOffset-first+1 >= max(1, l.Count/parts) ||
		w.Open.Bytes >= max(1, l.Bytes/parts) ||
		timeMs-w.Open.FirstTimeMs >= max(1, l.AgeMs/parts)
}

// Trim drops the segments that the limits no longer allow at nowMs. FirstOffset is then the first offset that is kept, or
// the next one where none is. The newest event goes only by age.
func Trim(w *logpb.Window, l Limits, nowMs int64) {
	drop := 0
	for drop < len(w.Closed) {
		s := w.Closed[drop]
		if w.Bytes <= l.Bytes && lastOffset(w)-w.FirstOffset < l.Count && nowMs-s.LastTimeMs < l.AgeMs {
			break
		}
		w.Bytes -= s.Bytes
		w.FirstOffset = s.LastOffset + 1
		drop++
	}
	// The backing array is kept: a steady window moves within it.
	w.Closed = append(w.Closed[:0], w.Closed[drop:]...)
	if len(w.Closed) == 0 && w.Open != nil && nowMs-w.Open.LastTimeMs >= l.AgeMs {
		w.FirstOffset = w.Open.LastOffset + 1
		w.Bytes = 0
		w.Open = nil
	}
}

func lastOffset(w *logpb.Window) uint64 {
	if w.Open != nil {
		return w.Open.LastOffset
	}
	return w.Closed[len(w.Closed)-1].LastOffset
}

// Due returns when the oldest segment will come of age, in milliseconds since the Unix epoch; 0 where there is none.
func Due(w *logpb.Window, l Limits) int64 {
	switch {
	case len(w.Closed) > 0:
		return w.Closed[0].LastTimeMs + l.AgeMs
	case w.Open != nil:
		return w.Open.LastTimeMs + l.AgeMs
	}
	return 0
}
