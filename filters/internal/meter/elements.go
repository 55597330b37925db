package meter

import (
	"fmt"

	"weir/filters/internal/wasm"
)

// elements returns the element section with functions renumbered.
func (rw *rewriter) elements() ([]byte, error) {
	s, ok := rw.m.Section(wasm.SectionElement)
	if !ok {
		return []byte{0}, nil
	}
	r := wasm.NewReader(rw.m.Data, s.Start, s.End)
	count := r.U32()
	out := wasm.AppendU32(nil, count)
	copied := r.Pos()
	var failed error
	replace := func(start int, with func() error) {
		out = append(out, rw.m.Data[copied:start]...)
		if err := with(); failed == nil {
			failed = err
		}
		copied = r.Pos()
	}
	for range count {
		wasm.WalkElement(r, func(start int, index uint32) {
			replace(start, func() error {
				index, err := rw.function(index)
				out = wasm.AppendU32(out, index)
				return err
			})
		}, func() {
			replace(r.Pos(), func() (err error) {
				out, err = rw.expr(out, r)
				return err
			})
		})
	}
	out = append(out, rw.m.Data[copied:r.Pos()]...)
	if failed == nil {
		failed = r.Err()
	}
	if failed != nil {
		return nil, fmt.Errorf("in the element section: %w", failed)
	}
	return out, nil
}

// expr copies a constant expression with functions renumbered.
func (rw *rewriter) expr(dst []byte, r *wasm.Reader) ([]byte, error) {
	for r.More() {
		in := r.Instruction()
		switch in.Op {
		case wasm.OpRefFunc:
			index, err := rw.function(in.Index)
			if err != nil {
				return dst, err
			}
			dst = wasm.AppendU32(append(dst, wasm.OpRefFunc), index)
			continue
		case wasm.OpGlobalGet:
			if in.Index >= rw.fuel {
				return dst, fmt.Errorf("there is no global %d", in.Index)
			}
		}
		dst = append(dst, rw.m.Data[in.Start:r.Pos()]...)
		if in.Op == wasm.OpEnd {
			return dst, r.Err()
		}
	}
	return dst, r.Err()
}
