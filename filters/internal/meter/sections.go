package meter

import (
	"fmt"
	"strings"

	"weir/filters/internal/wasm"
)

// module writes the whole module anew, section by section in their order (section 5.5.16 of the specification).
func (rw *rewriter) module() ([]byte, error) {
	code, err := rw.code()
	if err != nil {
		return nil, err
	}
	globals, err := rw.globals()
	if err != nil {
		return nil, err
	}
	exports, err := rw.exports()
	if err != nil {
		return nil, err
	}
	elements, err := rw.elements()
	if err != nil {
		return nil, err
	}
	out := wasm.AppendPreamble(make([]byte, 0, len(rw.m.Data)+len(code)))
	out = wasm.AppendSection(out, wasm.SectionType, rw.longer(wasm.SectionType, 2, addedTypes...))
	out = wasm.AppendSection(out, wasm.SectionImport, rw.longer(wasm.SectionImport, 1, rw.hookImport()...))
	out = wasm.AppendSection(out, wasm.SectionFunction, rw.signatures())
	out = rw.same(out, wasm.SectionTable)
	out = rw.same(out, wasm.SectionMemory)
	out = wasm.AppendSection(out, wasm.SectionGlobal, globals)
	out = wasm.AppendSection(out, wasm.SectionExport, exports)
	if rw.m.Start >= 0 {
		start, err := rw.function(uint32(rw.m.Start))
		if err != nil {
			return nil, fmt.Errorf("in the start section: %w", err)
		}
		out = wasm.AppendSection(out, wasm.SectionStart, wasm.AppendU32(nil, start))
	}
	out = wasm.AppendSection(out, wasm.SectionElement, elements)
	out = rw.same(out, wasm.SectionDataCount)
	out = wasm.AppendSection(out, wasm.SectionCode, code)
	return rw.customs(rw.same(out, wasm.SectionData)), nil
}

// addedTypes are those of tick, and of functions that do bulk operations in pieces.
var addedTypes = []byte{
	0x60, 2, wasm.I32, wasm.I64, 1, wasm.I64,
	0x60, 3, wasm.I32, wasm.I32, wasm.I32, 3, wasm.I32, wasm.I32, wasm.I32,
}

// signatures returns the function section with the added functions. It comes after code.
func (rw *rewriter) signatures() []byte {
	var added []byte
	for range rw.pieces.bodies {
		added = wasm.AppendU32(added, rw.pieces.signature)
	}
	return rw.longer(wasm.SectionFunction, uint32(len(rw.pieces.bodies)), added...)
}

// same appends a section as it is, if there is one.
func (rw *rewriter) same(dst []byte, id byte) []byte {
	s, ok := rw.m.Section(id)
	if !ok {
		return dst
	}
	return wasm.AppendSection(dst, id, rw.m.Data[s.Start:s.End])
}

// longer returns the content of a section that is a vector, n items longer.
func (rw *rewriter) longer(id byte, n uint32, items ...byte) []byte {
	count, content := uint32(0), []byte(nil)
	if s, ok := rw.m.Section(id); ok {
		r := wasm.NewReader(rw.m.Data, s.Start, s.End)
		count = r.U32()
		content = rw.m.Data[r.Pos():s.End]
	}
	out := append(wasm.AppendU32(nil, count+n), content...)
	return append(out, items...)
}

func (rw *rewriter) hookImport() []byte {
	b := wasm.AppendName(nil, HostModule)
	b = wasm.AppendName(b, TickName)
	return wasm.AppendU32(append(b, byte(wasm.KindFunc)), rw.hookType)
}

// globals returns the global section with fuel and depth added.
func (rw *rewriter) globals() ([]byte, error) {
	out := wasm.AppendU32(nil, uint32(rw.m.Globals)+2)
	if s, ok := rw.m.Section(wasm.SectionGlobal); ok {
		r := wasm.NewReader(rw.m.Data, s.Start, s.End)
		for i := range r.U32() {
			typ, mut := r.Byte(), r.Byte()
			rw.noteGlobal(uint32(rw.m.ImportedGlobals)+i, typ, mut)
			out = append(out, typ, mut)
			var err error
			if out, err = rw.expr(out, r); err != nil {
				return nil, fmt.Errorf("in the global section: %w", err)
			}
		}
	}
	out = append(out, wasm.I64, mutable, wasm.OpI64Const, 0, wasm.OpEnd)
	return append(out, wasm.I32, mutable, wasm.OpI32Const, 0, wasm.OpEnd), nil
}

// mutable is the second byte of a global's type, if it can change (section 5.3.10).
const mutable = 1

func (rw *rewriter) noteGlobal(index uint32, typ, mut byte) {
	switch {
	case mut != mutable:
	case typ == wasm.I32 || typ == wasm.I64 || typ == wasm.F32 || typ == wasm.F64:
		rw.mutable = append(rw.mutable, index)
	default:
		// The host can't set vectors and references.
		rw.restorable = false
	}
}

// exports returns the export section with functions renumbered, and mutable globals added. It comes after globals.
func (rw *rewriter) exports() ([]byte, error) {
	out := wasm.AppendU32(nil, uint32(len(rw.m.Exports)+len(rw.mutable)+2))
	for _, e := range rw.m.Exports {
		switch e.Kind {
		case wasm.KindFunc:
			index, err := rw.function(e.Index)
			if err != nil {
				return nil, fmt.Errorf("in the export section: %w", err)
			}
			e.Index = index
		case wasm.KindGlobal:
			if e.Index >= rw.fuel {
				return nil, fmt.Errorf("in the export section: there is no global %d", e.Index)
			}
		}
		if strings.HasPrefix(e.Name, HostModule) {
			return nil, fmt.Errorf("in the export section: the name %q is the host's own", e.Name)
		}
		out = append(wasm.AppendName(out, e.Name), byte(e.Kind))
		out = wasm.AppendU32(out, e.Index)
	}
	add := func(name string, index uint32) {
		out = append(wasm.AppendName(out, name), byte(wasm.KindGlobal))
		out = wasm.AppendU32(out, index)
	}
	for _, index := range rw.mutable {
		add(globalName(index), index)
	}
	add(FuelExport, rw.fuel)
	add(DepthExport, rw.depth)
	return out, nil
}
