package filters

import (
	"errors"
	"testing"
	"time"
)

// overrun has a guest use up slices that take these times, again and again, until the clock ends it. It returns how many
// there were.
func overrun(t *testing.T, limit int64, slices ...time.Duration) int {
	t.Helper()
	now := time.Unix(1_700_000_000, 0)
	g := governor{callFuel: 1 << 40, callTime: 50 * time.Millisecond, now: func() time.Time { return now }}
	for range 2 { // a call's time is its own
		g.begin(limit)
		if _, err := g.more(-1); err != nil {
			t.Fatal(err)
		}
	}
	for n := 1; ; n++ {
		now = now.Add(slices[n%len(slices)])
		granted, err := g.more(-1)
		if err == nil {
			if granted < shortestSlice || granted > slice {
				t.Fatalf("%d units are granted", granted)
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
		limit  int64
		slices []time.Duration
		want   int
	}{
		{"common slices", 1 << 40, []time.Duration{100 * time.Microsecond}, 500},
		{"half as much more for half as much more fuel", 3 << 39, []time.Duration{100 * time.Microsecond}, 750},
		{"slow slices", 1 << 40, []time.Duration{2 * time.Millisecond}, 25},
		{"a machine that is busy elsewhere", 1 << 40, []time.Duration{time.Second}, 25},
		{"a machine that is busy at times", 1 << 40, append(make([]time.Duration, 9), time.Second), 249},
	} {
		if got := overrun(t, c.limit, c.slices...); got != c.want {
			t.Errorf("%s: ended after %d slices, want %d", c.name, got, c.want)
		}
	}
}

// TestSlicesAreShorterWhereTheyTakeLong has a guest take so long for a unit of fuel, and looks at what a slice takes in the end.
func TestSlicesAreShorterWhereTheyTakeLong(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	g := governor{callFuel: 1 << 40, callTime: time.Hour, now: func() time.Time { return now }}
	for _, c := range []struct {
		name string
		unit float64 // ns
		want int64
	}{{"common code", 0.15, slice}, {"misses the cache", 3, shortestSlice}, {"less bad", 1.2, slice / 8}, {"common again", 0.1, slice}} {
		granted := g.begin(1 << 40)
		for range 20 {
			now = now.Add(time.Duration(c.unit * float64(granted)))
			var err error
			if granted, err = g.more(-1); err != nil {
				t.Fatal(err)
			}
		}
		if granted != c.want {
			t.Errorf("%s: slices of %d units, want %d", c.name, granted, c.want)
		}
	}
}

func TestFuelIsGrantedToTheUnit(t *testing.T) {
	const limit = 5*slice/2 + 7
	// A guest that charges n at a time gets limit/n charges, however they fall into slices.
	for _, n := range []int64{1, 3, 1000, slice, slice + 1, 2 * slice, limit, limit + 1} {
		g := governor{callFuel: limit, callTime: time.Minute, now: time.Now}
		left := g.begin(limit)
		charges := int64(0)
		var err error
		for {
			if left -= n; left < 0 {
				if left, err = g.more(left); err != nil {
					break
				}
			}
			charges++
			if used := g.used(left); used != uint64(charges*n) {
				t.Fatalf("after %d charges of %d units, %d are used", charges, n, used)
			}
		}
		var spent *fuelError
		if !errors.As(err, &spent) || spent.limit != limit || charges != limit/n {
			t.Errorf("%d charges of %d units: %v", charges, n, err)
		}
	}
}
