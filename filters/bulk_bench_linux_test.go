package filters

import (
	"runtime"
	"syscall"
	"testing"
	"time"

	"weir/filters/internal/wasm"
	wt "weir/filters/internal/wasmtest"
)

// A rated is code of a match whose time for a unit of fuel is measured.
type rated struct {
	name  string
	code  []byte
	pages int  // that memory begins with; 0: as few as a guest has
	fresh bool // each call is on an instance of its own, whose memory is new
	table uint32
}

// BenchmarkFuel measures the processor's time for a unit of fuel: of plain code, and of operations that are charged by length.
// Compare the rows of one run: DESIGN.md, "Fuel", says how far they may be apart.
func BenchmarkFuel(b *testing.B) {
	const mib = 1 << 20
	zero := wt.Const64(0)
	at := func(pieces ...[]byte) []byte { return append(wt.Code(pieces...), zero...) }
	copying := []byte{0xfc, 10, 0, 0}
	null := []byte{0xd0, 0x70}
	tableFill, tableCopy := []byte{0xfc, 17, 0}, []byte{0xfc, 14, 0, 0}
	page := func(pages int32) []byte { return wt.Code(wt.Const(pages), wt.Grow(), wt.Drop()) }
	// Writes a byte of each page of 4 KiB of 8 MiB from 1 MiB on.
	touch := wt.Repeat(5, 8*256, wt.LocalGet(5), wt.Const(12), []byte{0x74}, wt.Const(mib-4096), wt.Add(), wt.Const(1), wt.Store())
	for _, r := range []rated{
		{name: "plain/adds", code: at(wt.Repeat(5, 1_000_000, wt.Const(3), wt.LocalGet(5), wt.Add(), wt.LocalSet(0)))},
		{name: "plain/loads", code: scanningCode()},
		{name: "fill/4KiB", code: at(wt.Repeat(5, 1000, wt.Const(4096), wt.Const(0), wt.Const(4096), wt.Fill())), pages: 160},
		{name: "fill/64KiB", code: at(wt.Repeat(5, 100, wt.Const(0), wt.Const(0), wt.Const(64<<10), wt.Fill())), pages: 160},
		{name: "fill/9MiB", code: at(wt.Const(0), wt.Const(0), wt.Const(9*mib), wt.Fill()), pages: 160},
		{name: "fill/9MiB/new", code: at(page(150), wt.Const(1<<17), wt.Const(1), wt.Const(9*mib), wt.Fill()), fresh: true},
		{name: "copy/4KiB", code: at(wt.Repeat(5, 1000, wt.Const(4096), wt.Const(16384), wt.Const(4096), copying)), pages: 160},
		{name: "copy/64KiB", code: at(wt.Repeat(5, 100, wt.Const(0), wt.Const(64<<10), wt.Const(64<<10), copying)), pages: 160},
		{name: "copy/4MiB", code: at(wt.Const(0), wt.Const(5*mib), wt.Const(4*mib), copying), pages: 160},
		{name: "copy/4MiB/down", code: at(wt.Const(mib), wt.Const(64), wt.Const(4*mib), copying), pages: 160},
		{name: "copy/4MiB/new", code: at(page(150), wt.Const(5*mib), wt.Const(mib), wt.Const(4*mib), copying), fresh: true},
		{name: "table.fill/100000", code: at(wt.Const(0), null, wt.Const(100_000), tableFill), table: 100_000},
		{name: "table.copy/50000", code: at(wt.Const(0), wt.Const(50_000), wt.Const(50_000), tableCopy), table: 100_000},
		{name: "grow", code: at(page(150)), fresh: true},
		{name: "grow/and touch", code: at(page(150), touch), fresh: true},
	} {
		b.Run(r.name, func(b *testing.B) { benchRate(b, r) })
	}
}

func scanningCode() []byte {
	return wt.Code([]byte{wasm.OpLoop, wasm.BlockEmpty},
		wt.LocalGet(0), wt.LocalGet(5), []byte{0x2d, 0, 0}, wt.Const(0), []byte{0x47}, wt.Add(), wt.LocalSet(0),
		wt.LocalGet(5), wt.Const(1), wt.Add(), []byte{wasm.OpLocalTee, 5}, wt.Const(1<<16), []byte{0x49, wasm.OpBrIf, 0, wasm.OpEnd},
		wt.Const64(0))
}

func benchRate(b *testing.B, r rated) {
	m := wt.Guest().With(wt.GuestMatch, r.code)
	m.MemoryMin = max(m.MemoryMin, r.pages)
	if r.table > 0 {
		m.Tables = []uint32{r.table}
	}
	f := open(b, newEngine(b, Config{}), m.Bytes())
	var set Set
	set.Add(nil)
	groups, subject := set.pack(), event(b, "{}")
	ask := func(in *instance) (fuel uint64, spent time.Duration) {
		start := processorTime(b)
		err := in.decide(subject, groups)
		spent = processorTime(b) - start
		before := f.Usage().Fuel
		if f.count(in, err); err != nil {
			b.Fatal(err)
		}
		return f.Usage().Fuel - before, spent
	}
	make1 := func() *instance {
		in, err := f.pool.instantiate(b.Context(), seat{})
		if err != nil {
			b.Fatal(err)
		}
		return in
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	in := make1()
	ask(in)
	var fuel uint64
	var spent time.Duration
	for b.Loop() {
		if r.fresh {
			_ = in.close()
			in = make1()
		}
		units, took := ask(in)
		fuel, spent = fuel+units, spent+took
	}
	_ = in.close()
	b.ReportMetric(float64(spent.Nanoseconds())*1000/float64(fuel), "ps/unit")
	b.ReportMetric(0, "ns/op")
}

// processorTime is what this thread has had, the system's part included.
func processorTime(b *testing.B) time.Duration {
	const thread = 1
	var usage syscall.Rusage
	if err := syscall.Getrusage(thread, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
