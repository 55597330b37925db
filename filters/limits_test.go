package filters

import (
	"errors"
	"testing"
	"time"
)

// run has a guest use up slices that take these times, again and again, until the clock ends it. It returns how many
// there were.
func run(t *testing.T, groups int, slices ...time.Duration) int {
	t.Helper()
	now := time.Unix(1_700_000_000, 0)
	c := &clock{callTime: 50 * time.Millisecond, now: func() time.Time { return now }}
	for range 2 { // a call's time is its own
		c.begin(groups)
		_, err := c.more()
		if err != nil {
			t.Fatal(err)
		}
	}
	for n := 1; ; n++ {
		now = now.Add(slices[n%len(slices)])
		ticks, err := c.more()
		if err == nil {
			if ticks != slice {
				t.Fatalf("%d ticks are granted", ticks)
			}
			continue
		}
		if overrun := (*overrunError)(nil); !errors.As(err, &overrun) {
			t.Fatal(err)
		}
		return n
	}
}

func TestClockEndsACallAtItsBound(t *testing.T) {
	for _, c := range []struct {
		name   string
		groups int
		slices []time.Duration
		want   int
	}{
		{"common slices", 0, []time.Duration{100 * time.Microsecond}, 500},
		{"twice the time for 1,000 groups", 1000, []time.Duration{100 * time.Microsecond}, 1000},
		{"half as much more for 500", 500, []time.Duration{100 * time.Microsecond}, 750},
		{"slow slices", 0, []time.Duration{time.Millisecond}, 50},
		{"a machine that is busy elsewhere", 0, []time.Duration{time.Second}, 50},
		{"a machine that is busy at times", 0, append(make([]time.Duration, 9), time.Second), 499},
	} {
		if got := run(t, c.groups, c.slices...); got != c.want {
			t.Errorf("%s: ended after %d slices, want %d", c.name, got, c.want)
		}
	}
}
