package yield

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"weir/filters/internal/wasm"
	wt "weir/filters/internal/wasmtest"
)

// counted runs match of a guest, rewritten with these bounds, and returns how often it asked for more ticks.
func counted(t *testing.T, m *wt.Module, cfg Config) (asked int, err error) {
	t.Helper()
	ctx := t.Context()
	runtime := wazero.NewRuntime(ctx)
	defer runtime.Close(ctx)
	i32 := []api.ValueType{api.ValueTypeI32}
	hook := api.GoModuleFunc(func(_ context.Context, _ api.Module, stack []uint64) {
		if stack[0] == WhyDepth {
			panic(errDeep)
		}
		asked++
		stack[0] = uint64(cfg.Slice)
	})
	if _, err := runtime.NewHostModuleBuilder(HostModule).NewFunctionBuilder().WithGoModuleFunction(hook, i32, i32).Export(TickName).Instantiate(ctx); err != nil {
		t.Fatal(err)
	}
	decoded, err := wasm.Decode(m.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	result, err := Rewrite(decoded, cfg)
	if err != nil {
		t.Fatal(err)
	}
	module, err := runtime.InstantiateWithConfig(ctx, result.Module, wazero.NewModuleConfig().WithName(""))
	if err != nil {
		t.Fatal(err)
	}
	_, err = module.ExportedFunction("weir_match").Call(ctx, 0, 0, 0, 0, 0)
	return asked, err
}

func TestGuestsAskInProportionToWhatTheyRun(t *testing.T) {
	zero := wt.Const64(0)
	const slice = 1000
	for _, c := range []struct {
		name     string
		code     [][]byte
		min, max int
	}{
		{"nothing", [][]byte{zero}, 0, 0},
		{"2,000 instructions in a row", [][]byte{bytes.Repeat([]byte{1}, 2000), zero}, 1, 2},
		{"7 instructions, 10,000 times", [][]byte{wt.Repeat(5, 10_000), zero}, 50, 100},
		{"a loop in a loop", [][]byte{wt.Repeat(5, 100, wt.Const(0), wt.LocalSet(0), wt.Repeat(0, 100)), zero}, 50, 110},
		{"filling 512 KiB", [][]byte{wt.Const(0), wt.Const(0), wt.Const(8 << 16), wt.Fill(), zero}, 1, 1},
		{"filling 512 KiB, 100 times", [][]byte{wt.Repeat(5, 100, wt.Const(0), wt.Const(0), wt.Const(8<<16), wt.Fill()), zero}, 100, 200},
	} {
		asked, err := counted(t, wt.Guest().With(wt.GuestMatch, c.code...), Config{Slice: slice, Depth: 10})
		if err != nil || asked < c.min || asked > c.max {
			t.Errorf("%s: asked %d times, want %d to %d (%v)", c.name, asked, c.min, c.max, err)
		}
	}
}

func TestDepthIsGivenBack(t *testing.T) {
	// f(n) calls itself n times deep.
	f := wt.Func{Params: []byte{wt.I32}, Code: wt.Code(wt.LocalGet(0), wt.If(wt.LocalGet(0), wt.Const(1), wt.Sub(), wt.Call(wt.GuestNext)))}
	nest := func(n int32) []byte { return wt.Code(wt.Const(n), wt.Call(wt.GuestNext)) }
	guest := func(code ...[]byte) *wt.Module { return wt.Guest().With(wt.GuestMatch, code...).Add(f) }
	cfg := Config{Slice: 1 << 20, Depth: 10}
	if _, err := counted(t, guest(wt.Repeat(5, 1000, nest(9)), wt.Const64(0)), cfg); err != nil {
		t.Errorf("10 calls deep, 1,000 times: %v", err)
	}
	if _, err := counted(t, guest(nest(10), wt.Const64(0)), cfg); !errors.Is(err, errDeep) {
		t.Errorf("11 calls deep: %v", err)
	}
}

func TestReachingWhatIsAddedIsRefused(t *testing.T) {
	zero := wt.Const64(0)
	for says, code := range map[string][]byte{
		"no global 1":   wt.Code(wt.Const(1<<30), wt.GlobalSet(1), zero),
		"no global 2":   wt.Code(wt.GlobalGet(2), wt.Drop(), zero),
		"no local 6":    wt.Code(wt.LocalGet(6), wt.Drop(), zero),
		"no function 4": wt.Code(wt.Call(4), zero),
		"no function 5": wt.Code([]byte{wasm.OpRefFunc, 5}, wt.Drop(), zero),
	} {
		m, err := wasm.Decode(wt.Guest().With(wt.GuestMatch, code).Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Rewrite(m, Config{}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
}

func TestWhetherInstancesCanBePutBack(t *testing.T) {
	set := wt.Code(wt.Const(0), []byte{0xd0, 0x70, 0x26, 0}, wt.Const64(0))
	for name, c := range map[string]struct {
		change  func(m *wt.Module)
		restore bool
	}{
		"memory alone":    {func(*wt.Module) {}, true},
		"sets a table":    {func(m *wt.Module) { m.Tables = []uint32{1}; m.With(wt.GuestMatch, set) }, false},
		"has a table":     {func(m *wt.Module) { m.Tables = []uint32{1} }, true},
		"drops a segment": {func(m *wt.Module) { m.With(wt.GuestMatch, []byte{0xfc, 9, 0}, wt.Const64(0)) }, false},
	} {
		g := wt.Guest()
		g.Globals = []int32{1, 2, 3}
		c.change(g)
		m, err := wasm.Decode(g.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		result, err := Rewrite(m, Config{})
		if err != nil {
			t.Fatal(err)
		}
		if result.Restorable != c.restore || len(result.Globals) != 3 {
			t.Errorf("%s: restorable %v, globals %v", name, result.Restorable, result.Globals)
		}
	}
}

// FuzzRewrite checks that a valid module is not refused, and stays valid.
func FuzzRewrite(f *testing.F) {
	f.Add(wt.Guest().Bytes())
	f.Add(wt.Guest().With(wt.GuestMatch, wt.Repeat(5, 3, wt.Const(0), wt.Const(0), wt.Const(8), wt.Fill()), wt.Const64(0)).Bytes())
	f.Add(wt.Guest().With(wt.GuestMatch, wt.Forever(), []byte{wasm.OpRefFunc, 3}, wt.Drop(), wt.Const64(0)).Bytes())
	ctx := context.Background()
	runtime := wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfigInterpreter())
	f.Cleanup(func() { _ = runtime.Close(ctx) })
	f.Fuzz(func(t *testing.T, module []byte) {
		m, err := wasm.Decode(module)
		if err != nil {
			return
		}
		before, errBefore := runtime.CompileModule(ctx, module)
		if errBefore == nil {
			defer before.Close(ctx)
		}
		result, err := Rewrite(m, Config{Slice: 100, Depth: 100})
		if err != nil {
			if errBefore == nil && !errors.Is(err, ErrTableGrow) {
				t.Fatalf("a valid module is refused: %v", err)
			}
			return
		}
		after, errAfter := runtime.CompileModule(ctx, result.Module)
		if errAfter == nil {
			defer after.Close(ctx)
		}
		if errBefore == nil && errAfter != nil {
			t.Fatalf("valid before, and then: %v", errAfter)
		}
	})
}
