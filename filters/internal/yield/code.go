package yield

import (
	"errors"
	"fmt"

	"weir/filters/internal/wasm"
)

// code returns the code section with every function rewritten.
func (rw *rewriter) code() ([]byte, error) {
	out := wasm.AppendU32(nil, uint32(len(rw.m.Bodies)))
	for i, body := range rw.m.Bodies {
		f := function{rewriter: rw}
		if err := f.rewrite(rw.hook+uint32(i), body); err != nil {
			return nil, fmt.Errorf("in the code of function %d: %w", int(rw.hook)+i, err)
		}
		out = append(wasm.AppendU32(out, uint32(len(f.out))), f.out...)
	}
	return out, nil
}

// function is the rewriting of one function.
type function struct {
	*rewriter
	out    []byte
	locals uint32 // the function's own, params included
	blocks []block
	// regions are the parts that cost at once: the function's entry, and inside of it the loops that are open. The last
	// one is where instructions count at present.
	regions []region
}

// A block is an open block, loop, if, or the function itself.
type block struct{ loop bool }

// A region is code that is paid for at its head.
type region struct {
	cost  int // instructions so far, those of inner loops not counted
	patch int // where in out the cost is written once it is known
}

// costWidth is how many bytes a cost takes: a signed LEB128 of full length, so that it can be written afterwards.
const costWidth = 5

func (f *function) rewrite(index uint32, body wasm.Body) error {
	signature, ok := f.m.Signature(index)
	if !ok {
		return errors.New("its type does not exist")
	}
	f.locals = uint32(len(signature.Params) + body.Locals)
	r := f.declareLocals(body)
	f.blocks = append(f.blocks, block{})
	f.enter()
	for r.More() {
		in := r.Instruction()
		if r.Err() != nil {
			return r.Err()
		}
		if len(f.blocks) == 0 {
			return fmt.Errorf("byte %d: code goes on after the function's end", in.Start)
		}
		f.regions[len(f.regions)-1].cost++
		if err := f.instruction(in, f.m.Data[in.Start:r.Pos()]); err != nil {
			return fmt.Errorf("byte %d: %w", in.Start, err)
		}
	}
	if len(f.blocks) > 0 {
		return wasm.ErrTruncated
	}
	return r.Err()
}

// declareLocals writes the function's locals and one more, of type i32, for lengths of bulk operations. It returns a
// reader of the code.
func (f *function) declareLocals(body wasm.Body) *wasm.Reader {
	r := wasm.NewReader(f.m.Data, body.Start, body.End)
	groups := r.U32()
	start := r.Pos()
	for range groups {
		r.U32()
		r.Byte()
	}
	f.out = append(wasm.AppendU32(f.out, groups+1), f.m.Data[start:r.Pos()]...)
	f.out = append(f.out, 1, wasm.I32)
	return r
}

// instruction writes one instruction with what belongs before and after it.
func (f *function) instruction(in wasm.Instruction, raw []byte) error {
	switch in.Op {
	case wasm.OpBlock, wasm.OpIf:
		f.blocks = append(f.blocks, block{})
	case wasm.OpLoop:
		f.blocks = append(f.blocks, block{loop: true})
		f.out = append(f.out, raw...)
		f.enter()
		return nil
	case wasm.OpEnd:
		f.leave()
	case wasm.OpLocalGet, wasm.OpLocalSet, wasm.OpLocalTee:
		if in.Index >= f.locals {
			return fmt.Errorf("there is no local %d", in.Index)
		}
	case wasm.OpGlobalGet, wasm.OpGlobalSet:
		if in.Index >= f.ticks {
			return fmt.Errorf("there is no global %d", in.Index)
		}
	case wasm.OpCall:
		return f.call(in.Index)
	case wasm.OpCallIndirect:
		f.nested(raw)
		return nil
	case wasm.OpRefFunc:
		index, err := f.function(in.Index)
		f.out = wasm.AppendU32(append(f.out, wasm.OpRefFunc), index)
		return err
	case wasm.OpTableGrow:
		return ErrTableGrow
	case wasm.OpMemoryInit, wasm.OpMemoryCopy, wasm.OpMemoryFill:
		f.chargeLength(bytesPerTick)
	case wasm.OpTableInit, wasm.OpTableCopy, wasm.OpTableFill:
		f.restorable = false
		f.chargeLength(entriesPerTick)
	case wasm.OpTableSet, wasm.OpDataDrop, wasm.OpElemDrop:
		f.restorable = false
	}
	f.out = append(f.out, raw...)
	return nil
}

// enter begins a region: what it costs is charged here, and known when it is left.
func (f *function) enter() {
	f.out = append(f.out, wasm.OpGlobalGet)
	f.out = wasm.AppendU32(f.out, f.ticks)
	f.out = append(f.out, wasm.OpI32Const)
	f.regions = append(f.regions, region{patch: len(f.out)})
	f.out = append(f.out, make([]byte, costWidth)...)
	f.spend()
}

// leave ends a block, and the region if it is one.
func (f *function) leave() {
	last := f.blocks[len(f.blocks)-1]
	f.blocks = f.blocks[:len(f.blocks)-1]
	if !last.loop && len(f.blocks) > 0 {
		return
	}
	ended := f.regions[len(f.regions)-1]
	f.regions = f.regions[:len(f.regions)-1]
	v := ended.cost
	for i := range costWidth {
		b := byte(v & 0x7f)
		if i < costWidth-1 {
			b |= 0x80
		}
		f.out[ended.patch+i] = b
		v >>= 7
	}
}

// spend writes: ticks = the difference of what is on the stack; if that is below zero, ask the host for more.
func (f *function) spend() {
	f.out = append(f.out, wasm.OpI32Sub, wasm.OpGlobalSet)
	f.out = wasm.AppendU32(f.out, f.ticks)
	f.out = append(f.out, wasm.OpGlobalGet)
	f.out = wasm.AppendU32(f.out, f.ticks)
	f.out = append(f.out, wasm.OpI32Const, 0, wasm.OpI32LtS, wasm.OpIf, wasm.BlockEmpty)
	f.askHost(WhyTicks)
	f.out = append(f.out, wasm.OpGlobalSet)
	f.out = wasm.AppendU32(f.out, f.ticks)
	f.out = append(f.out, wasm.OpEnd)
}

func (f *function) askHost(why byte) {
	f.out = append(f.out, wasm.OpI32Const, why, wasm.OpCall)
	f.out = wasm.AppendU32(f.out, f.hook)
}

// How much of a bulk operation costs as much as an instruction, as a binary logarithm: 8 bytes, 4 entries. At least 2
// bits of a length are shifted away, so that taking it off a positive number of ticks can't wrap around.
const (
	bytesPerTick   = 3
	entriesPerTick = 2
)

// chargeLength charges for the length that lies on top of the stack, and leaves it there.
func (f *function) chargeLength(shift byte) {
	f.out = wasm.AppendU32(append(f.out, wasm.OpLocalTee), f.locals)
	f.out = wasm.AppendU32(append(f.out, wasm.OpGlobalGet), f.ticks)
	f.out = wasm.AppendU32(append(f.out, wasm.OpLocalGet), f.locals)
	f.out = append(f.out, wasm.OpI32Const, shift, wasm.OpI32ShrU)
	f.spend()
}

// call writes a call of a function of the module.
func (f *function) call(index uint32) error {
	renumbered, err := f.function(index)
	raw := wasm.AppendU32([]byte{wasm.OpCall}, renumbered)
	if err != nil || index < f.hook || f.leaf[index-f.hook] {
		f.out = append(f.out, raw...)
		return err
	}
	f.nested(raw)
	return nil
}

// nested writes a call that may lead to further calls: it uses up depth while it lasts.
func (f *function) nested(call []byte) {
	f.out = wasm.AppendU32(append(f.out, wasm.OpGlobalGet), f.depth)
	f.out = append(f.out, wasm.OpI32Eqz, wasm.OpIf, wasm.BlockEmpty)
	f.askHost(WhyDepth)
	f.out = append(f.out, wasm.OpDrop, wasm.OpEnd)
	f.addDepth(wasm.OpI32Sub)
	f.out = append(f.out, call...)
	f.addDepth(wasm.OpI32Add)
}

func (f *function) addDepth(op byte) {
	f.out = wasm.AppendU32(append(f.out, wasm.OpGlobalGet), f.depth)
	f.out = append(f.out, wasm.OpI32Const, 1, op, wasm.OpGlobalSet)
	f.out = wasm.AppendU32(f.out, f.depth)
}
