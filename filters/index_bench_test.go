package filters

import (
	"math"
	"math/rand/v2"
	"testing"

	"weir/proto/weirpb"
)

// BenchmarkIndex decides about one event for 100,000 viewports, of which 0.1 % show its place, or all do: for the groups that
// an index leads to, and for all.
func BenchmarkIndex(b *testing.B) {
	const groups = 100_000
	few := &atlas{filter: openViewport(b)}
	few.addRandom(b, rand.New(rand.NewPCG(1, 2)), groups, 9, 7.2)
	every := &atlas{filter: few.filter}
	world, interest := every.prepare(b, -180, -90, 180, math.Inf(1))
	for range groups {
		every.indexed.AddInterested(world, interest)
		every.plain.Add(world)
	}
	for _, bench := range []struct {
		name string
		set  *Set
	}{
		{"matching=0.1%/indexed", &few.indexed},
		{"matching=0.1%/all", &few.plain},
		{"matching=100%/indexed", &every.indexed},
		{"matching=100%/all", &every.plain},
	} {
		b.Run(bench.name, func(b *testing.B) { benchIndex(b, few.filter, bench.set) })
	}
}

func benchIndex(b *testing.B, f *Filter, set *Set) {
	verdicts := NewBitmap(set.Slots())
	e := &weirpb.Event{Offset: 1, Payload: []byte(benchPayload)}
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendEvent(buf[:0], "flights", e)
		if err := f.Match(b.Context(), buf, set, verdicts); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(verdicts.Count()), "matches")
	b.ReportMetric(float64(set.Asked()), "asked")
}
