package filters

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"runtime"
	"testing"

	"weir/filters/examples"
	"weir/proto/weirpb"
)

const benchPayload = `{"id":"SWR123","lon":8.5491,"lat":47.4582,"alt":11000,"speed":431.5,"origin":"ZRH","delay":61}`

// perGroup reports the time of one event and one group.
func perGroup(b *testing.B, groups int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(groups), "ns/group")
}

func benchMatch(b *testing.B, f *Filter, set *Set) {
	verdicts := NewBitmap(set.Slots())
	e := &weirpb.Event{Offset: 1, Payload: []byte(benchPayload)}
	var buf []byte
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendEvent(buf[:0], "flights", e)
		if err := f.Match(ctx, buf, set, verdicts); err != nil {
			b.Fatal(err)
		}
	}
	perGroup(b, set.Len())
}

// BenchmarkViewport decides about one event for some viewports: by the filter, and by the same comparison in plain Go,
// which also has to parse the event.
func BenchmarkViewport(b *testing.B) {
	f := openViewport(b)
	for _, n := range []int{1, 100, 1000, 10_000} {
		set, _ := boxes(b, f, n)
		b.Run(fmt.Sprintf("filter/groups=%d", n), func(b *testing.B) { benchMatch(b, f, set) })
		b.Run(fmt.Sprintf("go/groups=%d", n), func(b *testing.B) { benchGoViewport(b, set) })
	}
}

func benchGoViewport(b *testing.B, set *Set) {
	type box struct{ west, south, east, north float64 }
	var all []box
	for slot := range set.Slots() {
		p := set.Prepared(slot)
		f := func(at int) float64 { return math.Float64frombits(binary.LittleEndian.Uint64(p[at:])) }
		all = append(all, box{f(0), f(8), f(16), f(24)})
	}
	verdicts := NewBitmap(len(all))
	for b.Loop() {
		verdicts.Reset()
		var e struct{ Lon, Lat float64 }
		if err := json.Unmarshal([]byte(benchPayload), &e); err != nil {
			b.Fatal(err)
		}
		for i := range all {
			x := &all[i]
			inside := e.Lon >= x.west && e.Lon < x.east
			if x.west > x.east {
				inside = e.Lon >= x.west || e.Lon < x.east
			}
			if inside && e.Lat >= x.south && e.Lat < x.north {
				verdicts.Set(i)
			}
		}
	}
	perGroup(b, len(all))
}

// BenchmarkExpr decides about one event for 1,000 expressions of two comparisons.
func BenchmarkExpr(b *testing.B) {
	f := open(b, newEngine(b, Config{}), examples.Expr().Module)
	set := &Set{}
	airports := []string{"ORD", "ZRH", "JFK", "LHR"}
	for i := range 1000 {
		set.Add(prepare(b, f, fmt.Sprintf("delay > %d and origin == %q", i%120, airports[i%len(airports)])))
	}
	b.Run("filter", func(b *testing.B) { benchMatch(b, f, set) })
	b.Run("go", func(b *testing.B) {
		verdicts := NewBitmap(1000)
		for b.Loop() {
			verdicts.Reset()
			var e struct {
				Delay  float64
				Origin string
			}
			if err := json.Unmarshal([]byte(benchPayload), &e); err != nil {
				b.Fatal(err)
			}
			for i := range 1000 {
				if e.Delay > float64(i%120) && e.Origin == airports[i%len(airports)] {
					verdicts.Set(i)
				}
			}
		}
		perGroup(b, 1000)
	})
}

func BenchmarkPrepare(b *testing.B) {
	f := openViewport(b)
	for b.Loop() {
		prepare(b, f, examples.Viewport().Params)
	}
}

// BenchmarkInstance makes an instance, and puts one back to its beginnings instead.
func BenchmarkInstance(b *testing.B) {
	f := openViewport(b)
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			in, err := f.program.instantiateFor(b.Context(), f.limits, nil, seat{})
			if err != nil {
				b.Fatal(err)
			}
			if err := in.close(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("restore", func(b *testing.B) {
		in, err := f.program.instantiateFor(b.Context(), f.limits, nil, seat{})
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if !f.program.pristine.restore(in) {
				b.Fatal("it can't be restored")
			}
		}
		if err := in.close(); err != nil {
			b.Fatal(err)
		}
	})
}

// BenchmarkInstanceMemory makes many instances that have answered, and reports how many fit into a MB (10^6 bytes) of the
// process.
func BenchmarkInstanceMemory(b *testing.B) {
	const many = 100
	f := openViewport(b)
	set, _ := boxes(b, f, 100)
	set.pack()
	ev := event(b, benchPayload)
	inUse := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapInuse + m.StackInuse
	}
	for b.Loop() {
		var instances []*instance
		before := inUse()
		for range many {
			in, err := f.program.instantiateFor(b.Context(), f.limits, nil, seat{})
			if err != nil {
				b.Fatal(err)
			}
			if err := in.decide(ev, set.pack()); err != nil {
				b.Fatal(err)
			}
			instances = append(instances, in)
		}
		b.ReportMetric(many*1e6/float64(inUse()-before), "instances/MB")
		for _, in := range instances {
			if err := in.close(); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkOpen makes a filter ready in a new engine: without a cache, and from the disk.
func BenchmarkOpen(b *testing.B) {
	for _, example := range examples.All() {
		for name, dir := range map[string]string{"cold": "", "cached": b.TempDir()} {
			b.Run(example.Name+"/"+name, func(b *testing.B) {
				for b.Loop() {
					e, err := New(b.Context(), Config{CacheDir: dir})
					if err != nil {
						b.Fatal(err)
					}
					f, err := e.Open(b.Context(), example.Module)
					if err != nil {
						b.Fatal(err)
					}
					if err := f.Close(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
