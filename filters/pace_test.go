package filters

import (
	"math/rand/v2"
	"testing"
	"time"
)

// A day is a guest aside on a pace, in virtual time: it runs a slice, is kept from its processor, or not, and rests as it is told.
type day struct {
	pace             pace
	now, ran, rested time.Duration
	stretch, longest time.Duration // it has run since it last rested, and at most
	shortest         time.Duration // rest
	rests, hasty     int           // how many, and those after less than shortestStretch
}

// slice runs the guest for a time, during which it was away for another.
func (d *day) slice(ran, away time.Duration) (rest time.Duration) {
	rest = d.pace.after(ran, away)
	d.ran += ran
	d.stretch += ran
	d.longest = max(d.longest, d.stretch)
	d.now += ran + away + rest
	if rest == 0 {
		return 0
	}
	if d.stretch < shortestStretch {
		d.hasty++
	}
	if d.rests == 0 || rest < d.shortest {
		d.shortest = rest
	}
	d.rests++
	d.rested += rest
	d.stretch = 0
	return rest
}

// share is the part of the time that the guest had.
func (d *day) share() float64 { return d.ran.Seconds() / d.now.Seconds() }

const commonSlice = 30 * time.Microsecond

func TestUndisturbedGuestsHaveNearlyAProcessor(t *testing.T) {
	var d day
	for d.now < time.Second {
		d.slice(commonSlice, 0)
	}
	if d.share() < 0.88 {
		t.Errorf("they have %.2f of one", d.share())
	}
	if d.longest > longestStretch+commonSlice || d.shortest < breath {
		t.Errorf("they run for %v, and rest for %v", d.longest, d.shortest)
	}
}

// TestInterruptedGuestsMakeWay makes sure that a guest leaves its processor at the end of the slice in which something else wanted it,
// and runs no longer than a slice, time and again, as long as that goes on.
func TestInterruptedGuestsMakeWay(t *testing.T) {
	var d day
	for range 100 { // undisturbed
		d.slice(commonSlice, 0)
	}
	for i := range 100 {
		if rest := d.slice(commonSlice, 10*time.Microsecond); rest != makeWay {
			t.Fatalf("%d: it rests for %v", i, rest)
		}
	}
	if rest := d.slice(commonSlice, 0); rest != breath {
		t.Errorf("afterwards it rests for %v", rest)
	}
}

// TestGuestsAlwaysGoOn has guests that are interrupted in each slice, of whatever length: the rests leave them a part of the time.
func TestGuestsAlwaysGoOn(t *testing.T) {
	for _, ran := range []time.Duration{100 * time.Nanosecond, 2 * time.Microsecond, commonSlice, time.Millisecond} {
		var d day
		for d.now < 10*time.Second {
			d.slice(ran, interrupted+1)
		}
		if part := d.ran.Seconds() / (d.ran + d.rested).Seconds(); part < 0.05 {
			t.Errorf("slices of %v: they have %.3f of the time that they are not kept from", ran, part)
		}
	}
}

// TestGuestsBesideEvents has something interrupt a guest every few milliseconds, as events of other tenants do.
func TestGuestsBesideEvents(t *testing.T) {
	var d day
	next := time.Duration(0)
	for d.now < 10*time.Second {
		away := time.Duration(0)
		if d.now >= next {
			away, next = 100*time.Microsecond, d.now+3*time.Millisecond
		}
		d.slice(commonSlice, away)
	}
	if d.share() < 0.5 {
		t.Errorf("beside an event every 3 ms guests have %.2f of a processor", d.share())
	}
}

func TestPaceHoldsWhateverComes(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	var d day
	longestSlice := time.Duration(0)
	for range 100_000 {
		ran, away := time.Duration(random.IntN(200_000)), time.Duration(0)
		if random.IntN(4) == 0 {
			away = time.Duration(random.IntN(100_000))
		}
		longestSlice = max(longestSlice, ran)
		d.slice(ran, away)
	}
	if d.hasty > 0 || d.longest >= longestStretch+longestSlice || d.shortest < breath {
		t.Errorf("seed %d: %d rests after less than %v, one after %v, one of %v", seed, d.hasty, shortestStretch, d.longest, d.shortest)
	}
}
