package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"weir/deploy/bench/internal/report"
	"weir/filters"
	"weir/filters/examples"
	"weir/proto/weirpb"
)

const (
	filterGroups = 1000
	filterTime   = 300 * time.Millisecond // per sample
)

// A box is what the viewport filter is given.
type box struct{ west, south, east, north float64 }

func (b box) holds(lon, lat float64) bool {
	return lat >= b.south && lat < b.north && lon >= b.west && lon < b.east
}

// filterSuite measures what a decision costs: one event against 1,000 groups in one call, beside the same comparison in
// plain Go on coordinates that it need not even parse; and what the engine's bounds, instances and cache cost.
func filterSuite(ctx context.Context, e *env) ([]report.Figure, error) {
	boxes := randomBoxes(filterGroups)
	event := &weirpb.Event{
		Offset: 1, Key: "AA-ORD-LAX", ContentType: "application/json",
		Payload: []byte(`{"lon":-104.6737,"lat":39.8561,"heading":271,"origin":"ORD","destination":"LAX","delay":75}`),
	}
	var figures []report.Figure
	viewport := func(i int) string {
		b := boxes[i]
		return fmt.Sprintf(`{"west":%g,"south":%g,"east":%g,"north":%g}`, b.west, b.south, b.east, b.north)
	}
	ours, err := e.median(func() (float64, error) { return decide(ctx, examples.Viewport(), event, viewport) })
	if err != nil {
		return nil, err
	}
	rival, err := e.median(func() (float64, error) { return decideInGo(boxes), nil })
	if err != nil {
		return nil, err
	}
	figures = append(figures, report.Figure{Name: "viewport, 1,000 groups", Unit: "ns/decision", Ours: ours}.Against("plain Go, parsed", rival))

	expression := func(i int) string { return fmt.Sprintf(`{"expr":"delay > %d and origin == \"ORD\""}`, i) }
	ours, err = e.median(func() (float64, error) { return decide(ctx, examples.Expr(), event, expression) })
	if err != nil {
		return nil, err
	}
	rival, err = e.median(func() (float64, error) { return compareInGo(), nil })
	if err != nil {
		return nil, err
	}
	figures = append(figures, report.Figure{Name: "expr, two comparisons, 1,000 groups", Unit: "ns/decision", Ours: ours}.Against("plain Go, parsed", rival))

	engine, err := engineFigures(ctx, e)
	return append(figures, engine...), err
}

func randomBoxes(n int) []box {
	rng := rand.New(rand.NewPCG(1, 2))
	boxes := make([]box, n)
	for i := range boxes {
		west, south := rng.Float64()*300-180, rng.Float64()*150-90
		boxes[i] = box{west, south, west + rng.Float64()*60, south + rng.Float64()*30}
	}
	return boxes
}

// decide measures a filter with params of filterGroups groups, in ns for each decision.
func decide(ctx context.Context, x examples.Example, event *weirpb.Event, params func(int) string) (float64, error) {
	engine, err := filters.New(ctx, filters.Config{})
	if err != nil {
		return 0, err
	}
	defer engine.Close(ctx)
	f, err := engine.Open(ctx, x.Module)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	var set filters.Set
	for i := range filterGroups {
		prepared, err := f.Prepare(ctx, []byte(params(i)))
		if err != nil {
			return 0, err
		}
		set.Add(prepared)
	}
	guest := filters.AppendEvent(nil, "flights", event)
	verdicts := filters.NewBitmap(set.Slots())
	return perDecision(func() error { return f.Match(ctx, guest, &set, verdicts) })
}

// perDecision calls match, which decides for filterGroups groups, for a while.
func perDecision(match func() error) (float64, error) {
	calls := 0
	start := time.Now()
	for time.Since(start) < filterTime {
		for range 10 {
			if err := match(); err != nil {
				return 0, err
			}
		}
		calls += 10
	}
	return float64(time.Since(start).Nanoseconds()) / float64(calls*filterGroups), nil
}

func decideInGo(boxes []box) float64 {
	verdicts := filters.NewBitmap(len(boxes))
	ns, _ := perDecision(func() error { // never fails
		verdicts.Reset()
		for i := range boxes {
			if boxes[i].holds(-104.6737, 39.8561) {
				verdicts.Set(i)
			}
		}
		return nil
	})
	return ns
}

func compareInGo() float64 {
	verdicts, delay, origin := filters.NewBitmap(filterGroups), 75.0, []byte("ORD")
	bounds, origins := make([]float64, filterGroups), make([]string, filterGroups)
	for i := range bounds {
		bounds[i], origins[i] = float64(i), "ORD"
	}
	ns, _ := perDecision(func() error { // never fails
		verdicts.Reset()
		for i := range bounds {
			if delay > bounds[i] && string(origin) == origins[i] {
				verdicts.Set(i)
			}
		}
		return nil
	})
	return ns
}
