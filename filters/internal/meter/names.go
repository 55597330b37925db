package meter

import "weir/filters/internal/wasm"

// customs appends the custom sections, behind all others. Their places among those say nothing.
func (rw *rewriter) customs(dst []byte) []byte {
	named := false
	for _, c := range rw.m.Customs {
		content := rw.m.Data[c.Start:c.End]
		if c.Name == "name" {
			// A second one, or one that can't be read, counts as not there.
			renamed, ok := rw.names(wasm.NewReader(rw.m.Data, c.Start, c.End))
			if named || !ok {
				continue
			}
			named, content = true, renamed
		}
		dst = wasm.AppendSection(dst, wasm.SectionCustom, append(wasm.AppendName(nil, c.Name), content...))
	}
	return dst
}

// Parts of a name section that speak of functions by index (WebAssembly core specification 2.0, appendix, "Name
// Section"; labels are of the extended name section).
const (
	namesOfModule    = 0
	namesOfFunctions = 1
	namesOfLocals    = 2
	namesOfLabels    = 3
)

// names returns the name section with functions renumbered. Not ok: it is not as it must be. Then it is left out, as
// wazero takes memory for as many names as it says it has.
func (rw *rewriter) names(r *wasm.Reader) (out []byte, ok bool) {
	for r.More() {
		id := r.Byte()
		size := r.U32()
		start := r.Pos()
		content := r.Bytes(size)
		if r.Err() != nil {
			return nil, false
		}
		part := wasm.NewReader(rw.m.Data, start, r.Pos())
		switch id {
		case namesOfModule:
			part.Name()
		case namesOfFunctions:
			content = rw.renumbered(part, func(r *wasm.Reader) { r.Name() })
		case namesOfLocals, namesOfLabels:
			content = rw.renumbered(part, skipNames)
		}
		if id <= namesOfLabels && (part.More() || part.Err() != nil) {
			return nil, false
		}
		out = wasm.AppendSection(out, id, content)
	}
	return out, r.Err() == nil
}

// renumbered copies a map from functions to what item reads. Functions that don't exist are left out.
func (rw *rewriter) renumbered(r *wasm.Reader, item func(*wasm.Reader)) []byte {
	var items []byte
	kept := uint32(0)
	for range r.Count("names", wasm.MaxFunctions) {
		index := r.U32()
		start := r.Pos()
		item(r)
		if r.Err() != nil {
			return nil
		}
		if index, err := rw.function(index); err == nil {
			items = append(wasm.AppendU32(items, index), rw.m.Data[start:r.Pos()]...)
			kept++
		}
	}
	return append(wasm.AppendU32(nil, kept), items...)
}

// skipNames passes over a map from indexes to names.
func skipNames(r *wasm.Reader) {
	for range r.Count("names in a function", wasm.MaxBodyBytes) {
		r.U32()
		if r.Name(); r.Err() != nil {
			return
		}
	}
}
