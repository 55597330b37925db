package window_test

import (
	"testing"

	"pgregory.net/rapid"

	"weir/hub/internal/window"
	"weir/proto/logpb"
)

// event is what the model keeps of each event.
type event struct {
	offset, size uint64
	timeMs       int64
}

// TestAgainstModel compares a window with the list of all its events, of which the limits are asked directly.
func TestAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &logpb.Window{FirstOffset: 1}
		limits := drawLimits(t)
		var kept []event
		next, now := uint64(1), int64(1_000_000)
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				now += rapid.Int64Range(0, limits.AgeMs/3+1).Draw(t, "passed")
				e := event{next, rapid.Uint64Range(1, limits.Bytes/2+1).Draw(t, "size"), now}
				window.Append(w, limits, e.offset, e.size, e.timeMs)
				window.Trim(w, limits, now)
				kept = append(kept, e)
				next++
			},
			"later": func(t *rapid.T) {
				now += rapid.Int64Range(0, 2*limits.AgeMs).Draw(t, "passed")
				window.Trim(w, limits, now)
			},
			"other limits": func(t *rapid.T) {
				limits = drawLimits(t)
				window.Trim(w, limits, now)
			},
			"": func(t *rapid.T) {
				for len(kept) > 0 && kept[0].offset < w.GetFirstOffset() {
					kept = kept[1:]
				}
				checkWindow(t, w, kept, next)
				checkTrimmed(t, w, limits, kept, now)
			},
		})
	})
}

func drawLimits(t *rapid.T) window.Limits {
	return window.Limits{
		AgeMs: rapid.Int64Range(1, 10_000).Draw(t, "age"),
		Bytes: rapid.Uint64Range(1, 5_000).Draw(t, "bytes"),
		Count: rapid.Uint64Range(1, 200).Draw(t, "count"),
	}
}

// checkWindow compares what the window says of itself with the events that it has.
func checkWindow(t *rapid.T, w *logpb.Window, kept []event, next uint64) {
	var bytes uint64
	for _, e := range kept {
		bytes += e.size
	}
	if w.GetBytes() != bytes {
		t.Fatalf("the window says %d bytes, it has %d", w.GetBytes(), bytes)
	}
	first := next
	if len(kept) > 0 {
		first = kept[0].offset
	}
	if w.GetFirstOffset() != first || first+uint64(len(kept)) != next {
		t.Fatalf("the window begins at %d, its %d events at %d, the next offset is %d", w.GetFirstOffset(), len(kept), first, next)
	}
}

// checkTrimmed asks that nothing is kept that should have gone.
func checkTrimmed(t *rapid.T, w *logpb.Window, limits window.Limits, kept []event, now int64) {
	if len(kept) == 0 {
		if due := window.Due(w, limits); due != 0 {
			t.Fatalf("an empty window is due at %d", due)
		}
		return
	}
	// The newest segment stays even where it alone is over the limits: for one large event, or when they become less.
	if n := len(w.GetClosed()); n > 0 && (w.GetBytes() > limits.Bytes || uint64(len(kept)) > limits.Count) {
		t.Fatalf("%d events of %d bytes in %d segments are kept with limits %+v", len(kept), w.GetBytes(), n+1, limits)
	}
	if due := window.Due(w, limits); due <= now {
		t.Fatalf("what was due at %d is there at %d", due, now)
	}
}

func TestNewestEventsAreKeptUpToTheShareOfASegment(t *testing.T) {
	limits := window.Limits{AgeMs: 1000, Bytes: 1 << 20, Count: 160}
	w := &logpb.Window{FirstOffset: 1}
	for offset := uint64(1); offset <= 1000; offset++ {
		window.Append(w, limits, offset, 10, 5)
		window.Trim(w, limits, 5)
		if kept := offset - w.GetFirstOffset() + 1; offset >= 160 && (kept > 160 || kept < 150) {
			t.Fatalf("%d of %d events are kept, of at most 160", kept, offset)
		}
	}
	if n := len(w.GetClosed()); n > 16 {
		t.Errorf("the window has %d closed segments", n)
	}
}

func TestSlowChannelsKeepNothingMuchOlderThanTheAge(t *testing.T) {
	limits := window.Limits{AgeMs: 1600, Bytes: 1 << 40, Count: 1 << 40}
	w := &logpb.Window{FirstOffset: 1}
	const step = 10 // ms
	for offset := uint64(1); offset <= 1000; offset++ {
		now := int64(offset * step)
		window.Append(w, limits, offset, 10, now)
		window.Trim(w, limits, now)
		if age := now - int64(w.GetFirstOffset()*step); age > 1600+100 {
			t.Fatalf("at %d ms the oldest event is %d ms old", now, age)
		}
	}
}

func TestEventLargerThanTheWindowIsKeptAlone(t *testing.T) {
	limits := window.Limits{AgeMs: 1000, Bytes: 10, Count: 100}
	w := &logpb.Window{FirstOffset: 1}
	for offset := uint64(1); offset <= 3; offset++ {
		window.Append(w, limits, offset, 50, 5)
		window.Trim(w, limits, 5)
		if w.GetFirstOffset() != offset {
			t.Fatalf("after event %d the window begins at %d", offset, w.GetFirstOffset())
		}
	}
}

func TestAppendInASteadyWindowDoesNotGrow(t *testing.T) {
	limits := window.Limits{AgeMs: 1 << 40, Bytes: 1 << 40, Count: 64}
	w := &logpb.Window{FirstOffset: 1}
	offset := uint64(1)
	step := func() {
		window.Append(w, limits, offset, 10, 5)
		window.Trim(w, limits, 5)
		offset++
	}
	for range 1000 {
		step()
	}
	// A segment of four events is one allocation.
	if n := testing.AllocsPerRun(1000, step); n > 1 {
		t.Errorf("%v allocations an event", n)
	}
}
