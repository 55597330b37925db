package meter

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// moduleOf assembles a module with a memory of one page and one exported function f, i32 to i32, of that body.
func moduleOf(body ...byte) []byte {
	code := append([]byte{0}, append(body, opEnd)...)
	out := append([]byte(nil), header...)
	for _, s := range []section{
		{id: sectionType, body: []byte{1, 0x60, 1, typeI32, 1, typeI32}},
		{id: sectionFunction, body: []byte{1, 0}},
		{id: sectionMemory, body: []byte{1, 1, 1, 4}},
		{id: sectionExport, body: []byte{1, 1, 'f', kindFunction, 0}},
		{id: sectionCode, body: append(appendU32([]byte{1}, uint32(len(code))), code...)},
		{id: sectionCustom, body: append(appendName(nil, "notes"), "kept"...)},
	} {
		out = append(appendU32(append(out, s.id), uint32(len(s.body))), s.body...)
	}
	return out
}

// run calls f of a metered copy and returns its result, what it spent, and the trap.
func run(t *testing.T, module []byte, budget int64, arg uint64) (result uint64, spent int64, depth uint64, err error) {
	t.Helper()
	s := newSubject(t, wazero.NewRuntimeConfig(), rewritten(t, module))
	defer s.close()
	fuel := s.module.ExportedGlobal(FuelExport).(api.MutableGlobal)
	fuel.Set(uint64(budget))
	results, err := s.module.ExportedFunction("f").Call(s.ctx, arg)
	if err == nil {
		result = results[0]
	}
	return result, budget - int64(fuel.Get()), s.module.ExportedGlobal(DepthExport).Get(), err
}

// countdown is a loop that runs arg times.
var countdown = []byte{
	opLoop, blockTypeEmpty,
	opLocalGet, 0, opI32Const, 1, 0x6b, opLocalTee, 0, opBrIf, 0,
	opEnd, opLocalGet, 0,
}

func TestFuelFollowsWork(t *testing.T) {
	_, ten, _, err := run(t, moduleOf(countdown...), 1<<40, 10)
	if err != nil {
		t.Fatal(err)
	}
	_, thousand, _, err := run(t, moduleOf(countdown...), 1<<40, 1000)
	if err != nil {
		t.Fatal(err)
	}
	const loop = 5 // get, const, sub, tee, br_if
	if thousand-ten != 990*loop {
		t.Errorf("990 turns more cost %d units more, want %d", thousand-ten, 990*loop)
	}
}

func TestEndlessLoopStops(t *testing.T) {
	for name, body := range map[string][]byte{
		"empty":     {opLoop, blockTypeEmpty, opBr, 0, opEnd, opUnreachable},
		"countdown": countdown, // from 0: four billion turns
	} {
		_, spent, depth, err := run(t, moduleOf(body...), 100_000, 0)
		if err == nil || spent <= 100_000 || spent > 100_020 || depth > MaxDepth {
			t.Errorf("%s: spent %d of 100000, depth %d, %v", name, spent, depth, err)
		}
	}
}

func TestDeepRecursionStops(t *testing.T) {
	_, spent, depth, err := run(t, moduleOf(opLocalGet, 0, opCall, 0), 1<<40, 0)
	if err == nil || depth <= MaxDepth || spent > 100*MaxDepth {
		t.Errorf("spent %d, depth %d, %v", spent, depth, err)
	}
}

// A call tree that is not deep and does not end for ages: f(n) = f(n-1) + f(n-1).
func TestExponentialCallsStop(t *testing.T) {
	body := []byte{
		opLocalGet, 0, 0x45, opIf, typeI32, opI32Const, 1, opElse,
		opLocalGet, 0, opI32Const, 1, 0x6b, opCall, 0,
		opLocalGet, 0, opI32Const, 1, 0x6b, opCall, 0, opI32Add, opEnd,
	}
	result, _, _, err := run(t, moduleOf(body...), 1<<30, 10)
	if err != nil || result != 1024 {
		t.Fatalf("f(10) = %d, %v", result, err)
	}
	if _, spent, depth, err := run(t, moduleOf(body...), 1_000_000, 100); err == nil || spent <= 1_000_000 || depth > MaxDepth {
		t.Errorf("spent %d, depth %d, %v", spent, depth, err)
	}
}

func TestBulkCostsItsLength(t *testing.T) {
	fill := moduleOf(opI32Const, 0, opI32Const, 0, opLocalGet, 0, opMisc, miscMemoryFill, 0, opI32Const, 0)
	_, none, _, err := run(t, fill, 1<<40, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, page, _, err := run(t, fill, 1<<40, 65536)
	if err != nil {
		t.Fatal(err)
	}
	if page-none != 65536>>bulkByteShift {
		t.Errorf("filling a page costs %d units", page-none)
	}
	// The charge comes before the work: what can't be paid does not happen, out of bounds or not.
	if _, spent, _, err := run(t, fill, 1000, 1<<31); err == nil || spent < 1<<31>>bulkByteShift {
		t.Errorf("spent %d, %v", spent, err)
	}
	grow := moduleOf(opLocalGet, 0, opMemoryGrow, 0)
	if _, spent, _, err := run(t, grow, 1<<40, 2); err != nil || spent < 2*costPage {
		t.Errorf("growing by two pages: spent %d, %v", spent, err)
	}
}

func TestWorksAroundComparisonWithAnd(t *testing.T) {
	// 0 < (arg & 1), of which wazero 1.12 makes "(arg & 1) < 0" on amd64.
	body := []byte{opI32Const, 0, opLocalGet, 0, opI32Const, 1, opI32And, 0x48, opIf, typeI32, opI32Const, 1, opElse, opI32Const, 2, opEnd}
	if result, _, _, err := run(t, moduleOf(body...), 1<<40, 7); err != nil || result != 1 {
		t.Errorf("0 < (7 & 1) took the branch %d, %v", result, err)
	}
}

func TestKeepsCustomSections(t *testing.T) {
	if !bytes.Contains(rewritten(t, moduleOf(opI32Const, 0)), []byte("\x05noteskept")) {
		t.Error("the custom section is gone")
	}
}

func TestRefuses(t *testing.T) {
	reserved := bytes.Replace(moduleOf(opI32Const, 0), []byte{5, 1, 1, 'f', kindFunction, 0}, append(append([]byte{13, 1}, appendName(nil, FuelExport)...), kindFunction, 0), 1)
	for name, c := range map[string]struct {
		module []byte
		kind   error
		text   string
	}{
		"reserved export": {reserved, ErrRefused, `"weir:fuel"`},
		"vector":          {moduleOf(opVector, 12), ErrRefused, "SIMD"},
		"atomic":          {moduleOf(opAtomic, 0), ErrRefused, "threads"},
		"tail call":       {moduleOf(0x12, 0), ErrRefused, "0x12"},
		"empty":           {nil, ErrMalformed, "no WebAssembly"},
		"text":            {[]byte("(module)"), ErrMalformed, "no WebAssembly"},
		"local of ours":   {moduleOf(opLocalGet, 1), ErrMalformed, "unknown local 1"},
		"global of ours":  {moduleOf(opGlobalGet, 0), ErrMalformed, "unknown global 0"},
		"truncated":       {moduleOf(opI32Const, 0)[:40], ErrMalformed, "left"},
		"claim":           {append(append([]byte(nil), header...), sectionData, 5, 0xff, 0xff, 0xff, 0xff, 0x0f), ErrMalformed, "items"},
	} {
		_, err := Rewrite(c.module, 0)
		if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v\n%s", name, err, hex.Dump(c.module))
		}
	}
}
