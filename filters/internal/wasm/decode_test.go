package wasm_test

import (
	"errors"
	"strings"
	"testing"

	"weir/filters/examples"
	"weir/filters/internal/wasm"
	wt "weir/filters/internal/wasmtest"
)

func TestDecodeFindsTheStructure(t *testing.T) {
	g := wt.Guest()
	g.Imports = []wt.Import{{Module: "weir", Name: "log", Params: []byte{wt.I32, wt.I32}}, {Module: "env", Name: "g", Raw: []byte{3, wt.I32, 0}}}
	g.MemoryMax, g.Tables, g.Globals = 9, []uint32{3}, []int32{1, 2}
	g.Data, g.DataAt = []byte("data"), 16
	m, err := wasm.Decode(g.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if m.ImportedFunctions != 1 || m.ImportedGlobals != 1 || m.Globals != 2 || m.Start != -1 || len(m.Functions) != len(g.Funcs) || len(m.Bodies) != len(g.Funcs) {
		t.Errorf("decoded %+v", m)
	}
	if m.Memories[0] != (wasm.Limits{Min: 8, Max: 9, HasMax: true}) || m.Tables[0] != (wasm.Limits{Min: 3}) {
		t.Errorf("memories %v, tables %v", m.Memories, m.Tables)
	}
	if m.Bodies[wt.GuestMatch].Locals != 1 {
		t.Errorf("match has %d locals", m.Bodies[wt.GuestMatch].Locals)
	}
	for index, params := range map[uint32]int{0: 2, 1: 0, 2: 1, 4: 5} {
		if typ, ok := m.Signature(index); !ok || len(typ.Params) != params {
			t.Errorf("function %d has the type %v, %v", index, typ, ok)
		}
	}
	if _, ok := m.Signature(5); ok {
		t.Error("a function that does not exist has a type")
	}
}

func TestDecodeOfEveryBeginningOfAModule(t *testing.T) {
	module := examples.Viewport().Module
	for n := range module {
		if n > 2000 {
			break
		}
		m, err := wasm.Decode(module[:n])
		if err == nil && n != 8 && len(m.Functions) != len(m.Bodies) {
			t.Errorf("the first %d bytes are a module", n)
		}
		if err != nil && n >= 4 && !errors.Is(err, wasm.ErrTruncated) && !strings.Contains(err.Error(), "declares") {
			t.Errorf("the first %d bytes: %v", n, err)
		}
	}
}

func TestNumbers(t *testing.T) {
	for _, v := range []uint32{0, 1, 127, 128, 1<<32 - 1} {
		b := wasm.AppendU32(nil, v)
		r := wasm.NewReader(b, 0, len(b))
		if got := r.U32(); got != v || r.Err() != nil || r.More() {
			t.Errorf("%d is read as %d, %v", v, got, r.Err())
		}
	}
	for _, v := range []int64{0, 63, 64, -64, -65, 1<<63 - 1, -1 << 63} {
		b := wasm.AppendI64(nil, v)
		r := wasm.NewReader(b, 0, len(b))
		if r.SkipSigned(64); r.Err() != nil || r.More() {
			t.Errorf("%d: %v", v, r.Err())
		}
	}
	for _, b := range [][]byte{{}, {0x80}, {0xff, 0xff, 0xff, 0xff, 0x10}, {0x80, 0x80, 0x80, 0x80, 0x80, 0}} {
		r := wasm.NewReader(b, 0, len(b))
		if v := r.U32(); r.Err() == nil || v != 0 {
			t.Errorf("% x is read as %d", b, v)
		}
	}
}

// A number that is cut off must not be counted to.
func TestCutOffCountsAreNot(t *testing.T) {
	for id := byte(1); id <= 12; id++ {
		claim := wasm.AppendSection(wasm.AppendPreamble(nil), id, []byte{0x80, 0x80, 0xfa, 0xff})
		n := testing.AllocsPerRun(1, func() {
			if _, err := wasm.Decode(claim); !errors.Is(err, wasm.ErrTruncated) {
				t.Errorf("section %d: %v", id, err)
			}
		})
		if n > 100 {
			t.Errorf("section %d: %v allocations", id, n)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(wt.Guest().Bytes())
	f.Add(examples.Expr().Module)
	f.Fuzz(func(t *testing.T, module []byte) {
		m, err := wasm.Decode(module)
		if err != nil {
			return
		}
		for _, s := range m.Sections {
			if s.Start > s.End || s.End > len(module) {
				t.Fatalf("section %+v of %d bytes", s, len(module))
			}
		}
		for _, b := range m.Bodies {
			r := wasm.NewReader(module, b.Start, b.End)
			for r.More() {
				if at := r.Pos(); r.Err() == nil && r.Instruction().Start != at {
					t.Fatal("an instruction begins elsewhere than it is read")
				}
			}
		}
	})
}
