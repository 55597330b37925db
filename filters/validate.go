package filters

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"weir/filters/internal/meter"
	"weir/filters/internal/wasm"
	"weir/proto/fault"
)

func invalid(format string, args ...any) *fault.Fault {
	return fault.New(fault.ModuleInvalid, format, args...)
}

// validate says what a module is, and refuses what can't be a filter. Whether its code is valid is left to wazero.
func validate(module []byte, limits Limits) (*wasm.Module, Manifest, error) {
	m, err := wasm.Decode(module)
	if err != nil {
		return nil, Manifest{}, malformed(module, err)
	}
	for _, check := range []func(*wasm.Module, Limits) error{checkImports, checkMemory, checkTables, checkExports} {
		if err := check(m, limits); err != nil {
			return nil, Manifest{}, err
		}
	}
	if err := m.CheckEffort(); err != nil {
		return nil, Manifest{}, checkedEffort(err)
	}
	manifest := Manifest{SizeBytes: len(module), Abilities: abilities(m), MemoryPages: m.Memories[0].Min}
	if m.Memories[0].HasMax {
		manifest.MaxPages = m.Memories[0].Max
	}
	return m, manifest, nil
}

// hintUnsupported says how to do without proposals.
const hintUnsupported = "compile for plain WebAssembly 2.0: for C without -msimd128, -pthread and -mtail-call, for Rust without such target features"

// malformed explains why a module can't be read, and guesses what it is instead.
func malformed(module []byte, err error) error {
	f := invalid("%v", err).WithCause(err)
	switch {
	case errors.Is(err, wasm.ErrUnsupported):
		return f.WithHint(hintUnsupported)
	case len(module) == 0:
		return invalid("the module is empty").WithHint("upload the .wasm file that the compiler wrote")
	case !errors.Is(err, wasm.ErrNotWasm) && !errors.Is(err, wasm.ErrVersion):
		return f.WithHint("the file may be damaged or cut off; compile it anew")
	}
	f.Message = "this is no WebAssembly module: " + err.Error()
	hint := "upload the .wasm file that the compiler wrote"
	switch {
	case errors.Is(err, wasm.ErrVersion):
		hint = "components are not supported, build a core module; for Rust the target is wasm32-unknown-unknown"
	case bytes.HasPrefix(bytes.TrimSpace(module[:min(len(module), 64)]), []byte("(")):
		hint = "this looks like the text format; translate it with wat2wasm"
	case bytes.HasPrefix(module, []byte("\x7fELF")), bytes.HasPrefix(module, []byte("MZ")), bytes.HasPrefix(module, []byte("\xcf\xfa\xed\xfe")):
		hint = "this is a native program; compile for WebAssembly"
	case bytes.HasPrefix(module, []byte("\x1f\x8b")), bytes.HasPrefix(module, []byte("PK")):
		hint = "this is an archive; upload the .wasm file in it"
	}
	return f.WithHint("%s", hint)
}

// checkedEffort explains why code can't be read, or not in a reasonable time.
func checkedEffort(err error) error {
	f := invalid("%v", err).WithCause(err)
	if effort := (*wasm.EffortError)(nil); errors.As(err, &effort) {
		return f.WithHint("split it into several functions")
	}
	if errors.Is(err, wasm.ErrUnsupported) {
		return f.WithHint(hintUnsupported)
	}
	return f
}

// maxListed is how many items of a kind an error names.
const maxListed = 5

func checkImports(m *wasm.Module, _ Limits) error {
	var forbidden []string
	wasi, script := false, false
	for _, i := range m.Imports {
		if i.Module == hostModule && i.Name == hostLog && i.Kind == wasm.KindFunc {
			if int(i.Type) >= len(m.Types) || signature(m.Types[i.Type]) != "(i32, i32) -> ()" {
				return invalid("it imports weir.log with the wrong signature").WithHint("weir.log is (i32, i32) -> ()")
			}
			continue
		}
		if isWASI(m, i) {
			continue
		}
		forbidden = append(forbidden, fmt.Sprintf("%.40q.%.40q", i.Module, i.Name))
		wasi = wasi || strings.HasPrefix(i.Module, "wasi_")
		script = script || i.Module == "env" && i.Name == "abort"
	}
	if len(forbidden) == 0 {
		return nil
	}
	more := ""
	if n := len(forbidden) - maxListed; n > 0 {
		forbidden, more = forbidden[:maxListed], fmt.Sprintf(" and %d more", n)
	}
	f := invalid("it imports %s%s, and a filter may import weir.log alone", strings.Join(forbidden, ", "), more)
	switch {
	case wasi:
		return f.WithHint("build it without WASI, of which there is only what Go needs: for Rust the target is wasm32-unknown-unknown, for C -nostdlib")
	case script:
		return f.WithHint(`compile AssemblyScript with --use abort=`)
	}
	return f.WithHint("a filter is given all that it needs, and can reach nothing else")
}

func checkTables(m *wasm.Module, _ Limits) error {
	for _, t := range m.Tables {
		if t.Min > wasm.MaxTableSize {
			return invalid("it has a table of %d entries, and at most %d are allowed", t.Min, wasm.MaxTableSize)
		}
	}
	return nil
}

// exports lists what a module exports, in the order in which what is missing is told.
var exports = [...]struct {
	name, signature string // "" as a signature: a memory
	required        bool
	ability         string
}{
	{exportMemory, "", true, ""},
	{exportABI, "() -> ()", true, ""},
	{exportBuf, "(i32) -> (i32)", true, ""},
	{exportPrepare, "(i32, i32) -> (i64)", true, ""},
	{exportMatch, "(i32, i32, i32, i32, i32) -> (i64)", true, ""},
	{exportKeys, "(i32, i32) -> (i64)", false, AbilityKeys},
	{exportInterest, "(i32, i32) -> (i64)", false, ""},
	{exportProject, "(i32, i32, i32, i32) -> (i64)", false, AbilityProject},
	{exportInitialize, "() -> ()", false, ""},
}

func checkExports(m *wasm.Module, _ Limits) error {
	found := map[string]wasm.Export{}
	for _, e := range m.Exports {
		if strings.HasPrefix(e.Name, meter.HostModule) {
			return invalid("it exports %.40q, and names that begin with %q are the host's own", e.Name, meter.HostModule)
		}
		found[e.Name] = e
	}
	var missing []string
	for _, x := range exports {
		e, ok := found[x.name]
		if !ok {
			if x.required {
				missing = append(missing, x.name)
			}
			continue
		}
		if err := checkExport(m, e, x.signature); err != nil {
			return err
		}
	}
	if len(missing) > 0 {
		return invalid("it does not export %s", strings.Join(missing, ", ")).
			WithHint("a filter implements the ABI of ABI.md; the SDKs do that")
	}
	_, keys := found[exportKeys]
	if _, interest := found[exportInterest]; keys != interest {
		return invalid("it exports one of %s and %s without the other", exportKeys, exportInterest)
	}
	return nil
}

func checkExport(m *wasm.Module, e wasm.Export, want string) error {
	kind := wasm.KindFunc
	if want == "" {
		kind = wasm.KindMemory
	}
	if e.Kind != kind {
		return invalid("it exports %s as a %v, not as a %v", e.Name, e.Kind, kind)
	}
	if kind == wasm.KindMemory {
		return nil
	}
	typ, ok := m.Signature(e.Index)
	if !ok {
		return invalid("it exports %s, a function that does not exist", e.Name)
	}
	if got := signature(typ); got != want {
		return invalid("it exports %s with the wrong signature %.100s", e.Name, got).WithHint("%s is %s", e.Name, want)
	}
	return nil
}

func abilities(m *wasm.Module) []string {
	var list []string
	for _, x := range exports {
		if x.ability != "" && slices.ContainsFunc(m.Exports, func(e wasm.Export) bool { return e.Name == x.name }) {
			list = append(list, x.ability)
		}
	}
	slices.Sort(list)
	return list
}

// signature writes a type as "(i32, i32) -> (i64)".
func signature(t wasm.FuncType) string {
	return "(" + valueTypes(t.Params) + ") -> (" + valueTypes(t.Results) + ")"
}

func valueTypes(types []byte) string {
	names := make([]string, len(types))
	for i, t := range types {
		switch t {
		case wasm.I32:
			names[i] = "i32"
		case wasm.I64:
			names[i] = "i64"
		case wasm.F32:
			names[i] = "f32"
		case wasm.F64:
			names[i] = "f64"
		default:
			names[i] = fmt.Sprintf("%#x", t)
		}
	}
	return strings.Join(names, ", ")
}
