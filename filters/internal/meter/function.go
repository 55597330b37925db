package meter

import (
	"errors"
	"fmt"

	"weir/filters/internal/wasm"
)

// A function is one body, taken apart.
type function struct {
	*rewriter
	instrs  []wasm.Instruction
	entry   region          // that begins with the function
	loops   map[int]*region // those that begin with loops, by instruction
	charges map[int]*region // those that begin elsewhere, by the instruction before which they are charged
	repairs map[int]repair
	locals  uint32 // parameters and declared locals
	// What the function has: calls, of whatever, and bulk operations.
	calls, bulks bool
}

// code returns the code section with every function rewritten.
func (rw *rewriter) code() ([]byte, error) {
	var out []byte
	for i, body := range rw.m.Bodies {
		code, err := rw.body(rw.hook+uint32(i), body)
		if err != nil {
			return nil, fmt.Errorf("in the code of function %d: %w", int(rw.hook)+i, err)
		}
		out = append(wasm.AppendU32(out, uint32(len(code))), code...)
	}
	for _, code := range rw.pieces.bodies {
		out = append(wasm.AppendU32(out, uint32(len(code))), code...)
	}
	return append(wasm.AppendU32(nil, uint32(len(rw.m.Bodies)+len(rw.pieces.bodies))), out...), nil
}

func (rw *rewriter) body(index uint32, body wasm.Body) ([]byte, error) {
	signature, ok := rw.m.Signature(index)
	if !ok {
		return nil, errors.New("its type does not exist")
	}
	f := &function{rewriter: rw, locals: uint32(len(signature.Params) + body.Locals)}
	if err := f.parse(rw.m.Code(body)); err != nil {
		return nil, err
	}
	f.plan()
	f.repairs = repairs(f.instrs)
	e := &emitter{f: f}
	e.declareLocals(body)
	e.enter()
	for i, in := range f.instrs {
		if err := e.instruction(i, in); err != nil {
			return nil, fmt.Errorf("byte %d: %w", in.Start, err)
		}
	}
	return e.out, nil
}

// parse lists the instructions.
func (f *function) parse(r *wasm.Reader) error {
	open := 1 // constructs, the function itself among them
	for r.More() {
		in := r.Instruction()
		if r.Err() != nil {
			return r.Err()
		}
		if open == 0 {
			return fmt.Errorf("byte %d: code goes on after the function's end", in.Start)
		}
		if err := f.check(in); err != nil {
			return fmt.Errorf("byte %d: %w", in.Start, err)
		}
		switch in.Op {
		case wasm.OpBlock, wasm.OpLoop, wasm.OpIf:
			open++
		case wasm.OpEnd:
			open--
		}
		f.instrs = append(f.instrs, in)
	}
	if open > 0 {
		return wasm.ErrTruncated
	}
	return r.Err()
}

// check keeps a function off what is added, as what it names must be the module's own, and notes what it does.
func (f *function) check(in wasm.Instruction) error {
	if _, ok := bulkOf(in.Op); ok {
		f.bulks = true
	}
	switch in.Op {
	case wasm.OpLocalGet, wasm.OpLocalSet, wasm.OpLocalTee:
		if in.Index >= f.locals {
			return fmt.Errorf("there is no local %d", in.Index)
		}
	case wasm.OpGlobalGet, wasm.OpGlobalSet:
		if in.Index >= f.fuel {
			return fmt.Errorf("there is no global %d", in.Index)
		}
	case wasm.OpCall, wasm.OpCallIndirect:
		f.calls = true
	case wasm.OpTableGrow:
		return ErrTableGrow
	case wasm.OpTableInit, wasm.OpTableCopy, wasm.OpTableFill, wasm.OpTableSet, wasm.OpDataDrop, wasm.OpElemDrop:
		f.restorable = false
	}
	return nil
}

// frame is what a call counts towards the depth. A compiled frame holds locals and temporaries; there can't be more of
// the latter than instructions.
func (f *function) frame() int64 { return 1 + int64(f.locals+uint32(len(f.instrs)))>>10 }
