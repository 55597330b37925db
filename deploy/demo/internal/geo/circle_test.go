package geo

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestKnownDistances(t *testing.T) {
	jfk, lax, hnl := Point{-73.7789, 40.6397}, Point{-118.4081, 33.9425}, Point{-157.9224, 21.3187}
	for _, c := range []struct {
		from, to Point
		miles    float64
	}{{jfk, lax, 2475}, {lax, hnl, 2556}, {jfk, jfk, 0}} {
		circle := Between(c.from, c.to)
		if got := circle.Miles(); math.Abs(got-c.miles) > 10 {
			t.Errorf("from %v to %v: %.0f miles, want %.0f", c.from, c.to, got, c.miles)
		}
	}
}

func TestHeadings(t *testing.T) {
	for _, c := range []struct {
		to      Point
		heading float64
	}{{Point{0, 10}, 0}, {Point{10, 0}, 90}, {Point{0, -10}, 180}, {Point{-10, 0}, 270}} {
		circle := Between(Point{}, c.to)
		for _, fraction := range []float64{0, 0.5, 1} {
			got := circle.Heading(fraction)
			if math.Abs(math.Mod(got-c.heading+540, 360)-180) > 0.01 {
				t.Errorf("to %v, at %v: heading %v, want %v", c.to, fraction, got, c.heading)
			}
		}
	}
}

// Every place on the way is where it should be: the way to it and the way from it add up to the whole, in proportion.
func TestPlacesLieOnTheCircle(t *testing.T) {
	point := rapid.Custom(func(t *rapid.T) Point {
		return Point{rapid.Float64Range(-179, 179).Draw(t, "lon"), rapid.Float64Range(-80, 80).Draw(t, "lat")}
	})
	rapid.Check(t, func(t *rapid.T) {
		from, to := point.Draw(t, "from"), point.Draw(t, "to")
		circle := Between(from, to)
		if miles := circle.Miles(); miles < 10 || miles > 12000 {
			return // too short to measure, or nearly antipodes
		}
		fraction := rapid.Float64Range(0, 1).Draw(t, "fraction")
		there, back := Between(from, circle.At(fraction)), Between(circle.At(fraction), to)
		if got, want := there.Miles(), fraction*circle.Miles(); math.Abs(got-want) > 0.01 {
			t.Fatalf("%v miles flown, want %v", got, want)
		}
		if got := there.Miles() + back.Miles(); math.Abs(got-circle.Miles()) > 0.01 {
			t.Fatalf("a detour: %v miles in place of %v", got, circle.Miles())
		}
	})
}

func TestAtAllocatesNothing(t *testing.T) {
	circle := Between(Point{-73, 40}, Point{-118, 34})
	if n := testing.AllocsPerRun(100, func() { circle.At(0.3); circle.Heading(0.3) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
