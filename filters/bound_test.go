package filters

import (
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"weir/filters/examples"
	"weir/filters/internal/meter"
	"weir/filters/internal/wasm"
	wt "weir/filters/internal/wasmtest"
)

// scanning returns a guest whose match counts the bytes of its memory, 512 KiB of them, that are not 0: the tightest loop
// that there is.
func scanning() *wt.Module {
	return wt.Guest().With(wt.GuestMatch, []byte{wasm.OpLoop, wasm.BlockEmpty},
		wt.LocalGet(0), wt.LocalGet(5), []byte{0x2d, 0, 0}, wt.Const(0), []byte{0x47}, wt.Add(), wt.LocalSet(0), // + a byte != 0
		wt.LocalGet(5), wt.Const(1), wt.Add(), []byte{wasm.OpLocalTee, 5}, wt.Const(8<<16), []byte{0x49, wasm.OpBrIf, 0, wasm.OpEnd},
		wt.Const64(0))
}

// BenchmarkBound compares ways to bound what a guest uses: none, metering, and wazero's check of a context, which
// allocates, costs loops dearly and never sees recursion.
func BenchmarkBound(b *testing.B) {
	f := openViewport(b)
	set, _ := boxes(b, f, 1000)
	for _, guest := range []struct {
		name   string
		module []byte
		set    *Set
	}{{"viewport", examples.Viewport().Module, set}, {"scan", scanning().Bytes(), set}} {
		metered, err := metered(guest.module)
		if err != nil {
			b.Fatal(err)
		}
		for _, way := range []struct {
			name   string
			module []byte
			check  bool
		}{{"none", guest.module, false}, {"metered", metered, false}, {"context", guest.module, true}} {
			b.Run(guest.name+"/"+way.name, func(b *testing.B) { benchBound(b, f, guest.set, way.module, way.check) })
		}
	}
}

func metered(module []byte) ([]byte, error) {
	m, err := wasm.Decode(module)
	if err != nil {
		return nil, err
	}
	result, err := meter.Rewrite(m, meter.Config{Depth: maxDepth, Pages: 256})
	return result.Module, err
}

// idle stands in for the counters of a module that has none.
type idle struct{ api.MutableGlobal }

func (*idle) Get() uint64 { return 0 }
func (*idle) Set(uint64)  {}

func benchBound(b *testing.B, f *Filter, set *Set, module []byte, check bool) {
	ctx := b.Context()
	p := &program{engine: f.program.engine, runtime: wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCloseOnContextDone(check))}
	defer p.free()
	if err := p.provideHost(ctx); err != nil {
		b.Fatal(err)
	}
	var err error
	if p.compiled, err = p.runtime.CompileModule(ctx, module); err != nil {
		b.Fatal(err)
	}
	limits := Limits{}.withDefaults()
	in := &instance{program: p, limits: limits, fuel: &idle{}, depth: &idle{}, governor: newGovernor(limits)}
	in.ctx = &instanceContext{Context: ctx, instance: in}
	compiled, err := p.runtime.InstantiateModule(in.ctx, p.compiled, wazero.NewModuleConfig().WithName(""))
	if err != nil {
		b.Fatal(err)
	}
	in.bind(compiled)
	if fuel, ok := compiled.ExportedGlobal(meter.FuelExport).(api.MutableGlobal); ok {
		in.fuel, in.depth = fuel, compiled.ExportedGlobal(meter.DepthExport).(api.MutableGlobal)
	}
	ev := event(b, benchPayload)
	groups := set.pack()
	b.ReportAllocs()
	for b.Loop() {
		if err := in.decide(ev, groups); err != nil {
			b.Fatal(err)
		}
	}
	perGroup(b, 1000)
}
