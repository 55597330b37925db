package meter

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	"weir/filters/internal/wasm"
	wt "weir/filters/internal/wasmtest"
)

// named returns a module whose functions are named, with more custom sections as they are.
func named(functions []byte, more ...byte) []byte {
	m := moduleOf(wt.Trap())
	m.Imports = []wt.Import{{Module: "env", Name: "log"}}
	m.Extra = wasm.AppendSection(nil, wasm.SectionCustom, wasm.AppendSection(wasm.AppendName(nil, "name"), namesOfFunctions, functions))
	m.Extra = append(m.Extra, more...)
	return m.Bytes()
}

func TestKeepsCustomSectionsAndNames(t *testing.T) {
	functions := []byte{2, 0, 3, 'l', 'o', 'g', 2, 5, 't', 'h', 'i', 'n', 'k'}
	module := named(functions, wasm.AppendSection(nil, wasm.SectionCustom, append(wasm.AppendName(nil, "notes"), "kept"...))...)
	metered := rewritten(t, module)
	if !bytes.Contains(metered, []byte("\x05noteskept")) {
		t.Error("the custom section is gone")
	}
	s := &subject{ctx: t.Context(), meter: meter{slice: 1000}, runtime: wazero.NewRuntime(t.Context())}
	defer s.close()
	if err := s.provide(s.ctx, s.runtime); err != nil {
		t.Fatal(err)
	}
	if _, err := s.runtime.NewHostModuleBuilder("env").NewFunctionBuilder().WithFunc(func() {}).Export("log").Instantiate(s.ctx); err != nil {
		t.Fatal(err)
	}
	instance, err := s.runtime.Instantiate(s.ctx, metered)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = instance.ExportedFunction("f").Call(s.ctx, 0); err == nil || !strings.Contains(err.Error(), ".think(") {
		t.Errorf("the trap does not name the function: %v", err)
	}
}

func TestLeavesOutNamesThatCannotBeRead(t *testing.T) {
	for name, functions := range map[string][]byte{
		"more names than there are": {0xff, 0xff, 0xff, 0xff, 0x0f},
		"cut off":                   {1, 0, 5, 't'},
		"too long":                  {0, 0},
		"not UTF-8":                 {1, 0, 1, 0xff},
	} {
		metered := rewritten(t, named(functions))
		if m, err := wasm.Decode(metered); err != nil || slices.ContainsFunc(m.Customs, func(c wasm.Custom) bool { return c.Name == "name" }) {
			t.Errorf("%s: kept, %v", name, err)
		}
	}
	m, err := wasm.Decode(rewritten(t, named([]byte{1, 99, 1, 'x'})))
	if err != nil || len(m.Customs) != 1 {
		t.Errorf("a name of no function: %v, %v", m.Customs, err)
	}
}
