package meter

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	"weir/filters/internal/wasm"
	wt "weir/filters/internal/wasmtest"
)

// moduleOf assembles a module with a memory of one page and one exported function f, i32 to i32, with an i32 of its own.
func moduleOf(code ...[]byte) *wt.Module {
	return &wt.Module{MemoryMin: 1, MemoryMax: 4, Funcs: []wt.Func{
		{Name: "other"},
		{Name: "f", Params: []byte{wt.I32}, Results: []byte{wt.I32}, Locals: []byte{wt.I32}, Code: wt.Code(code...)},
	}}
}

// self is the index of f.
const self = 1

// A run is what a call of f came to.
type run struct {
	result uint64
	spent  int64
	err    error
}

// call calls f of a metered copy with so much fuel, or without end for 0.
func call(t *testing.T, m *wt.Module, budget, slice int64, arg uint64) run {
	t.Helper()
	s := newSubject(t, wazero.NewRuntimeConfig(), rewritten(t, m.Bytes()))
	defer s.close()
	s.budget, s.slice = budget, slice
	results, err := s.module.ExportedFunction("f").Call(s.ctx, arg)
	r := run{spent: s.spent(s.module), err: err}
	if err == nil {
		r.result = results[0]
	}
	return r
}

// countdown is a loop that runs arg times, by 5 instructions: get, const, sub, tee, br_if.
var countdown = wt.Code([]byte{wasm.OpLoop, wasm.BlockEmpty}, wt.LocalGet(0), wt.Const(1), wt.Sub(),
	[]byte{wasm.OpLocalTee, 0, wasm.OpBrIf, 0, wasm.OpEnd}, wt.LocalGet(0))

func TestFuelFollowsWork(t *testing.T) {
	ten, thousand := call(t, moduleOf(countdown), 0, 1<<40, 10), call(t, moduleOf(countdown), 0, 1<<40, 1000)
	if ten.err != nil || thousand.err != nil || thousand.spent-ten.spent != 990*5 {
		t.Errorf("990 turns more cost %d units more, want %d", thousand.spent-ten.spent, 990*5)
	}
}

func TestFuelIsTheSameInAnySlices(t *testing.T) {
	whole := call(t, moduleOf(countdown), 0, 1<<40, 1000)
	for _, slice := range []int64{0, 1, 2, 7, 1000, whole.spent} {
		if got := call(t, moduleOf(countdown), 0, slice, 1000); got != whole {
			t.Errorf("in slices of %d: %+v, want %+v", slice, got, whole)
		}
		if got := call(t, moduleOf(countdown), whole.spent, slice, 1000); got != whole {
			t.Errorf("in slices of %d, with just enough: %+v, want %+v", slice, got, whole)
		}
		if got := call(t, moduleOf(countdown), whole.spent-1, slice, 1000); !errors.Is(got.err, errSpent) || got.spent != whole.spent {
			t.Errorf("in slices of %d, with a unit less: %+v", slice, got)
		}
	}
}

func TestEndlessLoopStops(t *testing.T) {
	for name, code := range map[string][]byte{
		"empty":     wt.Code(wt.Forever(), wt.Trap()),
		"countdown": countdown, // from 0: four billion turns
	} {
		got := call(t, moduleOf(code), 100_000, 1000, 0)
		if !errors.Is(got.err, errSpent) || got.spent <= 100_000 || got.spent > 100_020 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestDeepRecursionStops(t *testing.T) {
	got := call(t, moduleOf(wt.LocalGet(0), wt.Call(self)), 0, 1000, 0)
	if !errors.Is(got.err, errDeep) || got.spent > 100*int64(testConfig.Depth) {
		t.Errorf("%+v", got)
	}
}

func TestDepthIsGivenBack(t *testing.T) {
	// f(n) calls itself n times deep.
	nest := wt.Code(wt.LocalGet(0), []byte{wasm.OpIf, wasm.BlockEmpty}, wt.LocalGet(0), wt.Const(1), wt.Sub(), wt.Call(self), wt.Drop(), []byte{wasm.OpEnd}, wt.Const(0))
	bound := int32(testConfig.Depth)
	again := moduleOf(wt.Repeat(1, 100, wt.Const(bound-2), wt.Call(2), wt.Drop()), wt.Const(0))
	again.Add(wt.Func{Params: []byte{wt.I32}, Results: []byte{wt.I32}, Code: bytes.Replace(nest, wt.Call(self), wt.Call(2), 1)})
	if got := call(t, again, 0, 1000, 0); got.err != nil {
		t.Errorf("as deep as allowed, 100 times: %v", got.err)
	}
	if got := call(t, moduleOf(nest), 0, 1000, uint64(bound-1)); got.err != nil {
		t.Errorf("%d calls deep: %v", bound, got.err)
	}
	if got := call(t, moduleOf(nest), 0, 1000, uint64(bound)); !errors.Is(got.err, errDeep) {
		t.Errorf("%d calls deep: %v", bound+1, got.err)
	}
}

// A call tree that is not deep and does not end for ages: f(n) = f(n-1) + f(n-1).
func TestExponentialCallsStop(t *testing.T) {
	half := wt.Code(wt.LocalGet(0), wt.Const(1), wt.Sub(), wt.Call(self))
	m := moduleOf(wt.LocalGet(0), []byte{wasm.OpI32Eqz, wasm.OpIf, wt.I32}, wt.Const(1), []byte{wasm.OpElse}, half, half, wt.Add(), []byte{wasm.OpEnd})
	if got := call(t, m, 0, 1000, 10); got.err != nil || got.result != 1024 {
		t.Fatalf("f(10): %+v", got)
	}
	if got := call(t, m, 1_000_000, 1000, 100); !errors.Is(got.err, errSpent) || got.spent > 1_000_100 {
		t.Errorf("f(100): %+v", got)
	}
}

func TestBulkCostsItsLength(t *testing.T) {
	fill := moduleOf(wt.Const(0), wt.Const(0), wt.LocalGet(0), wt.Fill(), wt.Const(0))
	none, page := call(t, fill, 0, 1000, 0), call(t, fill, 0, 1000, 65536)
	if none.err != nil || page.err != nil || page.spent-none.spent != 65536>>bulkByteShift {
		t.Errorf("filling a page costs %d units", page.spent-none.spent)
	}
	// The charge comes before the work: what can't be paid does not happen, out of bounds or not.
	if got := call(t, fill, 1000, 1000, 1<<31); !errors.Is(got.err, errSpent) || got.spent < 1<<31>>bulkByteShift {
		t.Errorf("%+v", got)
	}
	grow := moduleOf(wt.LocalGet(0), wt.Grow())
	if got := call(t, grow, 0, 1000, 2); got.err != nil || got.result != 1 || got.spent < 2<<pageShift {
		t.Errorf("growing by two pages: %+v", got)
	}
	if got := call(t, grow, 1000, 1000, 1<<31); got.err != nil || uint32(got.result) != 1<<32-1 {
		t.Errorf("growing by more pages than there can be: %+v", got)
	}
}

func TestWorksAroundComparisonWithAnd(t *testing.T) {
	// 0 < (arg & 1), of which wazero 1.12 makes "(arg & 1) < 0" on amd64.
	m := moduleOf(wt.Const(0), wt.LocalGet(0), wt.Const(1), []byte{wasm.OpI32And, wasm.OpI32LtS, wasm.OpIf, wt.I32}, wt.Const(1),
		[]byte{wasm.OpElse}, wt.Const(2), []byte{wasm.OpEnd})
	if got := call(t, m, 0, 1000, 7); got.err != nil || got.result != 1 {
		t.Errorf("0 < (7 & 1) took the branch %+v", got)
	}
}

func TestReachingWhatIsAddedIsRefused(t *testing.T) {
	for says, code := range map[string][]byte{
		"there is no global 0":   wt.Code(wt.Const(1<<30), wt.GlobalSet(0), wt.Const(0)),
		"there is no global 1":   wt.Code(wt.GlobalGet(1), wt.Drop(), wt.Const(0)),
		"there is no local 2":    wt.LocalGet(2),
		"there is no function 2": wt.Code(wt.Call(2), wt.Const(0)),
		"there is no function 3": wt.Code([]byte{wasm.OpRefFunc, 3}, wt.Drop(), wt.Const(0)),
	} {
		if _, err := rewrite(moduleOf(code).Bytes()); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
	m := moduleOf(wt.Const(0)).Add(wt.Func{Name: FuelExport})
	if _, err := rewrite(m.Bytes()); err == nil || !strings.Contains(err.Error(), "the host's own") {
		t.Errorf("an export by our name: %v", err)
	}
}

func TestRefusesProposalsByName(t *testing.T) {
	for says, code := range map[string][]byte{
		"SIMD":       {0xfd, 12},
		"threads":    {0xfe, 0},
		"tail calls": {0x12, 0},
		"exceptions": {0x08, 0},
	} {
		_, err := rewrite(moduleOf(code).Bytes())
		if !errors.Is(err, wasm.ErrUnsupported) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", says, err)
		}
	}
	vector := moduleOf(wt.Const(0))
	vector.Funcs[0].Locals = []byte{wasm.V128}
	if _, err := rewrite(vector.Bytes()); !errors.Is(err, wasm.ErrUnsupported) {
		t.Errorf("a local that is a vector: %v", err)
	}
	if _, err := rewrite(moduleOf([]byte{0xd0, 0x70}, wt.Const(1), []byte{0xfc, 15, 0}).Bytes()); !errors.Is(err, ErrTableGrow) {
		t.Errorf("table.grow: %v", err)
	}
}

func TestWhetherInstancesCanBePutBack(t *testing.T) {
	set := wt.Code(wt.Const(0), []byte{0xd0, 0x70, 0x26, 0}, wt.Const(0))
	for name, c := range map[string]struct {
		code    []byte
		restore bool
	}{
		"has a table":     {wt.Const(0), true},
		"sets a table":    {set, false},
		"drops a segment": {wt.Code([]byte{0xfc, 9, 0}, wt.Const(0)), false},
	} {
		g := moduleOf(c.code)
		g.Globals, g.Tables = []int32{1, 2, 3}, []uint32{1}
		m, err := wasm.Decode(g.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		result, err := Rewrite(m, testConfig)
		if err != nil {
			t.Fatal(err)
		}
		if result.Restorable != c.restore || len(result.Globals) != 3 {
			t.Errorf("%s: restorable %v, globals %v", name, result.Restorable, result.Globals)
		}
	}
}
