package demo

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"weir/deploy/demo/internal/geo"
)

func flightsOf(t *testing.T) []flight {
	t.Helper()
	flights, err := loadFlights()
	if err != nil {
		t.Fatal(err)
	}
	return flights
}

func TestFlightsAreTheTables(t *testing.T) {
	flights := flightsOf(t)
	if len(flights) != 20000 {
		t.Fatalf("%d flights, want 20000", len(flights))
	}
	if got := flights[0].key; got != "DTW-LAS-00000" {
		t.Errorf("the first flight is %q", got)
	}
	keys := map[string]bool{}
	for i := range flights {
		keys[flights[i].key] = true
		if d := flights[i].duration; d < 20*time.Minute || d > 12*time.Hour {
			t.Errorf("%s takes %v", flights[i].key, d)
		}
	}
	if len(keys) != len(flights) {
		t.Errorf("%d keys for %d flights", len(keys), len(flights))
	}
}

// The table's distances are an independent account of where the airports are.
func TestDistancesAgreeWithTheTable(t *testing.T) {
	for i, f := range flightsOf(t) {
		var p struct{ Distance float64 }
		if err := json.Unmarshal(f.appendPayload(nil, 0), &p); err != nil {
			t.Fatal(err)
		}
		if math.Abs(p.Distance-f.circle.Miles()) > 12+0.01*p.Distance {
			t.Fatalf("flight %d, %s: the table says %v miles, the great circle has %.0f", i, f.key, p.Distance, f.circle.Miles())
		}
	}
}

func TestPositionIsAFunctionOfTime(t *testing.T) {
	flights := flightsOf(t)
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	period := loop / speed
	inTheAir := 0
	for i := range flights {
		f := &flights[i]
		progress, airborne := f.progress(virtual(now))
		again, stillAirborne := f.progress(virtual(now.Add(7 * period)))
		if airborne != stillAirborne || progress != again {
			t.Fatalf("%s is elsewhere after whole loops: %v and %v", f.key, progress, again)
		}
		if airborne {
			inTheAir++
			if progress < 0 || progress >= 1 {
				t.Errorf("%s is airborne at progress %v", f.key, progress)
			}
		}
	}
	if inTheAir < 300 || inTheAir > 600 {
		t.Errorf("%d in the air", inTheAir)
	}
}

func TestPayload(t *testing.T) {
	f := &flightsOf(t)[0]
	got := string(f.appendPayload(nil, 0.25))
	want := `{"lon":-91.7815,"lat":41.527,"heading":261,"progress":0.25,"origin":"DTW","destination":"LAS","delay":66,"distance":1750}`
	if got != want {
		t.Errorf("payload %s, want %s", got, want)
	}
	at := f.circle.At(0.25)
	origin, end := f.circle.At(0), f.circle.At(1)
	there, back := geo.Between(origin, at), geo.Between(at, end)
	if ratio := there.Miles() / (there.Miles() + back.Miles()); math.Abs(ratio-0.25) > 1e-9 {
		t.Errorf("at a quarter of the time, %v of the way is flown", ratio)
	}
}

func TestPayloadAllocatesOnce(t *testing.T) {
	f := &flightsOf(t)[0]
	if n := testing.AllocsPerRun(100, func() { _ = f.appendPayload(make([]byte, 0, payloadSize), 0.123) }); n > 1 {
		t.Errorf("%v allocations a payload, want 1", n)
	}
}

func TestEveryPayloadIsJSONThatFits(t *testing.T) {
	for _, f := range flightsOf(t) {
		for _, progress := range []float64{0, 0.3333, 0.9999} {
			b := f.appendPayload(nil, progress)
			if len(b) > payloadSize || !json.Valid(b) {
				t.Fatalf("%s: %d bytes: %s", f.key, len(b), b)
			}
		}
	}
}
