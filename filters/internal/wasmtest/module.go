// Package wasmtest assembles small WebAssembly modules for tests: good guests, and such as no compiler would write.
package wasmtest

import "weir/filters/internal/wasm"

// Value types.
const (
	I32 = wasm.I32
	I64 = wasm.I64
)

// A Func is a function's signature and body. A Name makes it an export.
type Func struct {
	Name            string
	Params, Results []byte
	// Locals are the types of further locals.
	Locals []byte
	// Code is the body without its last end.
	Code []byte
	// Raw, unless nil, is the whole body.
	Raw []byte
}

// An Import is one import, a function unless Raw is set.
type Import struct {
	Module, Name    string
	Params, Results []byte
	// Raw is the description of an import that is no function, kind byte first.
	Raw []byte
}

// A Module is what to assemble. Functions count from len(Imports) on if those are all functions.
type Module struct {
	Imports []Import
	Funcs   []Func
	// MemoryMin and MemoryMax are in pages; a negative minimum: no memory; a maximum of 0: none.
	MemoryMin, MemoryMax int
	// HideMemory leaves the memory out of the exports.
	HideMemory bool
	// Tables are the least sizes of tables of functions.
	Tables []uint32
	// Globals are mutable i32.
	Globals []int32
	// Start is the index of a start function; 0: none, as index 0 is made to be something else.
	Start uint32
	// Data is written to memory at DataAt.
	DataAt int32
	Data   []byte
	// Extra sections are appended as they are.
	Extra []byte
}

// vec encodes a vector of items that are encoded already.
func vec(items ...[]byte) []byte {
	out := wasm.AppendU32(nil, uint32(len(items)))
	for _, item := range items {
		out = append(out, item...)
	}
	return out
}

func bytesVec(b []byte) []byte { return append(wasm.AppendU32(nil, uint32(len(b))), b...) }

func funcType(params, results []byte) []byte {
	return append(append([]byte{0x60}, bytesVec(params)...), bytesVec(results)...)
}

// Bytes assembles the module. Each function has a type of its own, imports first.
func (m *Module) Bytes() []byte {
	var types, imports, funcs, exports, bodies [][]byte
	u32 := func(v int) []byte { return wasm.AppendU32(nil, uint32(v)) }
	for _, i := range m.Imports {
		desc := i.Raw
		if desc == nil {
			desc = append([]byte{byte(wasm.KindFunc)}, u32(len(types))...)
			types = append(types, funcType(i.Params, i.Results))
		}
		imports = append(imports, append(wasm.AppendName(wasm.AppendName(nil, i.Module), i.Name), desc...))
	}
	for n, f := range m.Funcs {
		funcs = append(funcs, u32(len(types)))
		types = append(types, funcType(f.Params, f.Results))
		bodies = append(bodies, bytesVec(f.body()))
		if f.Name != "" {
			exports = append(exports, append(append(wasm.AppendName(nil, f.Name), byte(wasm.KindFunc)), u32(len(m.Imports)+n)...))
		}
	}
	if m.MemoryMin >= 0 && !m.HideMemory {
		exports = append(exports, append(wasm.AppendName(nil, "memory"), byte(wasm.KindMemory), 0))
	}
	out := wasm.AppendPreamble(nil)
	section := func(id byte, items [][]byte) {
		if len(items) > 0 {
			out = wasm.AppendSection(out, id, vec(items...))
		}
	}
	section(wasm.SectionType, types)
	section(wasm.SectionImport, imports)
	section(wasm.SectionFunction, funcs)
	section(wasm.SectionTable, m.tables())
	section(wasm.SectionMemory, m.memory())
	section(wasm.SectionGlobal, m.globals())
	section(wasm.SectionExport, exports)
	if m.Start != 0 {
		out = wasm.AppendSection(out, wasm.SectionStart, wasm.AppendU32(nil, m.Start))
	}
	section(wasm.SectionCode, bodies)
	if m.Data != nil {
		segment := append(append([]byte{0}, Const(m.DataAt)...), wasm.OpEnd)
		section(wasm.SectionData, [][]byte{append(segment, bytesVec(m.Data)...)})
	}
	return append(out, m.Extra...)
}

func (f *Func) body() []byte {
	if f.Raw != nil {
		return f.Raw
	}
	out := wasm.AppendU32(nil, uint32(len(f.Locals)))
	for _, l := range f.Locals {
		out = append(out, 1, l)
	}
	return append(append(out, f.Code...), wasm.OpEnd)
}

func (m *Module) tables() (items [][]byte) {
	for _, size := range m.Tables {
		items = append(items, wasm.AppendU32([]byte{wasm.FuncRef, 0}, size))
	}
	return items
}

func (m *Module) memory() [][]byte {
	switch {
	case m.MemoryMin < 0:
		return nil
	case m.MemoryMax == 0:
		return [][]byte{wasm.AppendU32([]byte{0}, uint32(m.MemoryMin))}
	default:
		return [][]byte{wasm.AppendU32(wasm.AppendU32([]byte{1}, uint32(m.MemoryMin)), uint32(m.MemoryMax))}
	}
}

func (m *Module) globals() (items [][]byte) {
	for _, v := range m.Globals {
		items = append(items, append(append([]byte{I32, 1}, Const(v)...), wasm.OpEnd))
	}
	return items
}
