package filters

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"weir/filters/examples"
	"weir/filters/internal/wasm"
	wt "weir/filters/internal/wasmtest"
	"weir/proto/fault"
)

func TestInspectTellsWhatAModuleIs(t *testing.T) {
	e := newEngine(t, Config{})
	m, err := e.Inspect(t.Context(), wt.Guest().WithKeys(wt.Const64(wt.Result(wt.BufAt, 0))).WithProject(wt.Const64(wt.Result(wt.BufAt, 0))).Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(m.Abilities, []string{AbilityKeys, AbilityProject}) || m.MemoryPages != 8 {
		t.Errorf("manifest %+v", m)
	}
	for _, example := range examples.All() {
		m, err := e.Inspect(t.Context(), example.Module)
		if err != nil {
			t.Fatal(err)
		}
		if m.SizeBytes != len(example.Module) || m.Digest == [32]byte{} {
			t.Errorf("%s: manifest %+v", example.Name, m)
		}
	}
}

// invalidModules are modules that upload refuses, with a part of what it says.
func invalidModules() map[string]struct {
	module []byte
	says   string
} {
	type bad = struct {
		module []byte
		says   string
	}
	good := examples.Viewport().Module
	function := func(i wt.Import) []byte { g := wt.Guest(); g.Imports = []wt.Import{i}; return g.Bytes() }
	manyImports := wt.Guest()
	for range wasm.MaxImports + 1 {
		manyImports.Imports = append(manyImports.Imports, wt.Import{Module: "env", Name: "f"})
	}
	edit := func(change func(m *wt.Module)) []byte { g := wt.Guest(); change(g); return g.Bytes() }
	exported := func(name string) func(m *wt.Module) {
		return func(m *wt.Module) { m.Funcs[wt.GuestMatch].Name = name }
	}
	claim := func(section byte, says string) bad {
		return bad{wasm.AppendSection(slices.Clone(good[:8]), section, wasm.AppendU32(nil, 1<<32-1)), says}
	}
	return map[string]bad{
		"empty":                {nil, "the module is empty"},
		"text":                 {[]byte("hello, world"), "no WebAssembly module"},
		"text format":          {[]byte("\n (module)"), "wat2wasm"},
		"native program":       {[]byte("\x7fELF\x02\x01\x01"), "native program"},
		"archive":              {[]byte("\x1f\x8b\x08\x00"), "archive"},
		"component":            {[]byte("\x00asm\x0d\x00\x01\x00"), "components are not supported"},
		"four bytes":           {good[:4], "ends here"},
		"truncated":            {good[:len(good)/2], "code section"},
		"junk behind":          {append(slices.Clone(good), 0xff), "no section with ID 255"},
		"section too long":     {append(slices.Clone(good[:8]), 1, 0xff, 0xff, 0xff, 0xff, 0x0f), "type section"},
		"endless number":       {append(slices.Clone(good[:8]), 1, 0xff, 0xff, 0xff, 0xff, 0xff), "longer than 32 bits"},
		"section twice":        {append(slices.Clone(good[:8]), 1, 1, 0, 1, 1, 0), "stands twice"},
		"too large":            {make([]byte, 4<<20+1), "at most 4194304 are allowed"},
		"200 MB of junk":       {bytes.Repeat([]byte("junk"), 50_000_000), "at most 4194304 are allowed"},
		"no exports":           {(&wt.Module{MemoryMin: 1}).Bytes(), "does not export weir_abi_1, weir_buf, weir_prepare, weir_match"},
		"no match":             {edit(exported("match")), "does not export weir_match"},
		"memory not exported":  {edit(func(m *wt.Module) { m.HideMemory = true }), "does not export memory"},
		"wrong params":         {edit(func(m *wt.Module) { m.Funcs[wt.GuestMatch].Params = []byte{wt.I32} }), "weir_match with the wrong signature (i32) -> (i64)"},
		"wrong result":         {edit(func(m *wt.Module) { m.Funcs[wt.GuestBuf].Results = nil }), "weir_buf with the wrong signature (i32) -> ()"},
		"memory as function":   {edit(func(m *wt.Module) { m.HideMemory = true; m.Add(wt.Func{Name: "memory"}) }), "exports memory as a function"},
		"keys alone":           {edit(func(m *wt.Module) { m.WithKeys(); m.Funcs[wt.GuestNext+1].Name = "" }), "one of weir_keys and weir_interest"},
		"export of the host":   {edit(func(m *wt.Module) { m.Add(wt.Func{Name: "weir_host.global.0"}) }), "the host's own"},
		"imports abort":        {function(wt.Import{Module: "env", Name: "abort"}), "--use abort="},
		"imports WASI":         {function(wt.Import{Module: "wasi_snapshot_preview1", Name: "fd_write"}), "without WASI"},
		"imports a memory":     {function(wt.Import{Module: "env", Name: "memory", Raw: []byte{2, 0, 1}}), `imports "env"."memory"`},
		"imports the tick":     {function(wt.Import{Module: "weir_host", Name: "tick", Params: []byte{wt.I32}, Results: []byte{wt.I32}}), `imports "weir_host"."tick"`},
		"wrong log":            {function(wt.Import{Module: "weir", Name: "log"}), "weir.log with the wrong signature"},
		"imports everything":   {manyImports.Bytes(), "1001 imports"},
		"no memory":            {edit(func(m *wt.Module) { m.MemoryMin = -1 }), "no memory"},
		"giant memory":         {edit(func(m *wt.Module) { m.MemoryMin = 65536 }), "begins with 65536 pages"},
		"memory may be giant":  {edit(func(m *wt.Module) { m.MemoryMax = 65536 }), "may grow to 65536 pages"},
		"memory upside down":   {edit(func(m *wt.Module) { m.MemoryMax = 2 }), "maximum of 2 pages is less"},
		"giant table":          {edit(func(m *wt.Module) { m.Tables = []uint32{1 << 30} }), "table of 1073741824 entries"},
		"many tables":          {edit(func(m *wt.Module) { m.Tables = make([]uint32, 9) }), "9 tables"},
		"many globals":         {edit(func(m *wt.Module) { m.Globals = make([]int32, wasm.MaxGlobals+1) }), "5001 globals"},
		"many locals":          {edit(func(m *wt.Module) { m.Funcs[wt.GuestMatch].Locals = bytes.Repeat([]byte{wt.I64}, wasm.MaxLocals+1) }), "groups of locals"},
		"giant function":       {wt.Guest().With(wt.GuestMatch, make([]byte, wasm.MaxBodyBytes), wt.Const64(0)).Bytes(), "bytes of code in one function"},
		"type error":           {wt.Guest().With(wt.GuestMatch, wt.Const(1)).Bytes(), "cannot use i32"},
		"empty stack":          {wt.Guest().With(wt.GuestMatch, wt.Drop()).Bytes(), "function"},
		"no such local":        {wt.Guest().With(wt.GuestMatch, wt.LocalGet(6), wt.Const64(0)).Bytes(), "no local 6"},
		"no such global":       {wt.Guest().With(wt.GuestMatch, wt.Const(1<<30), wt.GlobalSet(1), wt.Const64(0)).Bytes(), "no global 1"},
		"no such function":     {wt.Guest().With(wt.GuestMatch, wt.Call(4)).Bytes(), "no function 4"},
		"many branches":        {wt.Guest().With(wt.GuestMatch, bytes.Repeat([]byte{wasm.OpLoop, wasm.BlockEmpty, wasm.OpEnd}, 8000), wt.Const64(0)).Bytes(), "function 3 alone has some 32000 branches"},
		"table.grow":           {wt.Guest().With(wt.GuestMatch, []byte{0xd0, 0x70}, wt.Const(1), []byte{0xfc, 15, 0}, wt.Drop(), wt.Const64(0)).Bytes(), "table.grow"},
		"SIMD":                 {wt.Guest().With(wt.GuestMatch, []byte{0xfd, 12}, make([]byte, 16), wt.Drop(), wt.Const64(0)).Bytes(), "it uses SIMD, which filters can't use"},
		"SIMD in a type":       {edit(func(m *wt.Module) { m.Funcs[wt.GuestMatch].Locals = []byte{wasm.V128} }), "it uses SIMD"},
		"tail call":            {wt.Guest().With(wt.GuestMatch, []byte{0x12, 0}).Bytes(), "it uses tail calls"},
		"exceptions":           {wt.Guest().With(wt.GuestMatch, []byte{0x08, 0}).Bytes(), "it uses exceptions"},
		"billions of types":    claim(wasm.SectionType, "4294967295 types"),
		"billions of imports":  claim(wasm.SectionImport, "4294967295 imports"),
		"billions of tables":   claim(wasm.SectionTable, "4294967295 tables"),
		"billions of memories": claim(wasm.SectionMemory, "4294967295 memories"),
		"billions of exports":  claim(wasm.SectionExport, "4294967295 exports"),
		"billions of elements": claim(wasm.SectionElement, "4294967295 element segments"),
		"billions of segments": claim(wasm.SectionData, "4294967295 data segments"),
		"billions of bodies":   claim(wasm.SectionCode, "4294967295 functions"),
		"cut off count":        {append(slices.Clone(good[:8]), wasm.SectionMemory, 4, 0x80, 0x80, 0xfa, 0xff), "memory section"},
		"billions of locals":   {wt.Guest().With(wt.GuestABI).Add(wt.Func{Raw: append(wasm.AppendU32([]byte{1}, 1<<32-1), wt.I64, wasm.OpEnd)}).Bytes(), "4294967295 locals in one function"},
		"giant br_table":       {wt.Guest().With(wt.GuestMatch, wt.Const(0), wasm.AppendU32([]byte{wasm.OpBrTable}, 100_000), make([]byte, 100_001)).Bytes(), "function 3 alone has some 100000 branches"},
		"start recurses":       {edit(func(m *wt.Module) { m.Add(wt.Func{Code: wt.Call(wt.GuestNext)}).Start = wt.GuestNext }), "its start: it called itself too deeply"},
		"start takes memory": {edit(func(m *wt.Module) {
			m.Add(wt.Func{Code: wt.Code(wt.Const(200), wt.Grow(), wt.Drop())}).Start = wt.GuestNext
		}), "its start: it used up its fuel"},
		"buf recurses":         {wt.Guest().With(wt.GuestBuf, wt.LocalGet(0), wt.Call(wt.GuestBuf)).Bytes(), "weir_buf: it called itself too deeply"},
		"exports fuel":         {edit(exported("weir_host.fuel")), "names that begin with \"weir_host\" are the host's own"},
		"threads":              {wt.Guest().With(wt.GuestMatch, []byte{0xfe, 3, 0}, wt.Const64(0)).Bytes(), "it uses threads, which filters can't use"},
		"code after the end":   {wt.Guest().With(wt.GuestMatch, wt.Const64(0), []byte{wasm.OpEnd, 1}).Bytes(), "after the function's end"},
		"data outside":         {edit(func(m *wt.Module) { m.Data, m.DataAt = []byte("x"), 1<<20 }), "out of bounds memory access"},
		"start loops":          {edit(func(m *wt.Module) { m.Add(wt.Func{Code: wt.Forever()}).Start = wt.GuestNext }), "its start: it used up its fuel of 3000000"},
		"start traps":          {edit(func(m *wt.Module) { m.Add(wt.Func{Code: wt.Trap()}).Start = wt.GuestNext }), "its start: it trapped: unreachable"},
		"start does not exist": {edit(func(m *wt.Module) { m.Start = 77 }), "no function 77"},
		"initialize loops":     {edit(func(m *wt.Module) { m.Add(wt.Func{Name: "_initialize", Code: wt.Forever()}) }), "its start: it used up its fuel of 3000000"},
		"buf loops":            {wt.Guest().With(wt.GuestBuf, wt.Forever(), wt.Const(wt.BufAt)).Bytes(), "weir_buf: it used up its fuel of 3000000"},
		"buf has no room":      {wt.Guest().With(wt.GuestBuf, wt.Const(0)).Bytes(), "no room for an input of 4096 bytes"},
		"buf is not aligned":   {wt.Guest().With(wt.GuestBuf, wt.Const(wt.BufAt+4)).Bytes(), "not aligned"},
		"buf outside":          {wt.Guest().With(wt.GuestBuf, wt.Const(-8)).Bytes(), "outside of the memory"},
	}
}

func TestInvalidModulesAreRefusedWithAReason(t *testing.T) {
	log, lines := logged()
	e := newEngine(t, Config{Limits: testLimits, Logger: log})
	seen := map[string]string{}
	for name, bad := range invalidModules() {
		_, err := e.Inspect(t.Context(), bad.module)
		f := fault.From(err)
		if f == nil || f.Code != fault.ModuleInvalid && f.Code != fault.ModuleTooLarge {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !strings.Contains(f.Error(), bad.says) {
			t.Errorf("%s: %q does not say %q", name, f.Error(), bad.says)
		}
		if other, ok := seen[f.Error()]; ok && !strings.Contains(f.Message, "its fuel") {
			t.Errorf("%s and %s are told the same: %s", name, other, f.Error())
		}
		seen[f.Error()] = name
	}
	if _, err := e.Inspect(t.Context(), examples.Viewport().Module); err != nil {
		t.Errorf("a good module, after all that: %v", err)
	}
	if len(e.programs) != 0 {
		t.Errorf("%d programs are kept of modules that were refused", len(e.programs))
	}
	for _, line := range *lines {
		t.Errorf("logged: %s", line)
	}
}

func FuzzInspect(f *testing.F) {
	f.Add(wt.Guest().Bytes())
	f.Add(examples.Viewport().Module)
	for _, bad := range invalidModules() {
		if len(bad.module) < 1<<16 {
			f.Add(bad.module)
		}
	}
	limits := testLimits
	limits.MemoryPages = 16
	e := newEngine(f, Config{Limits: limits})
	f.Fuzz(func(t *testing.T, module []byte) {
		filter, err := e.Open(t.Context(), module)
		if err != nil {
			if c := fault.CodeOf(err); c != fault.ModuleInvalid && c != fault.ModuleTooLarge {
				t.Fatal(err)
			}
			return
		}
		defer filter.Close()
		prepared, err := filter.Prepare(t.Context(), []byte("{}"))
		if err != nil {
			return
		}
		var set Set
		set.Add(prepared)
		_ = filter.Match(t.Context(), event(t, "{}"), &set, NewBitmap(1))
	})
}
