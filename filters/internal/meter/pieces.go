package meter

import "weir/filters/internal/wasm"

// pieceBytes is how much memory one bulk instruction writes at most: some µs, as long as a short slice of fuel. A longer
// one is done in pieces by a function that is added for it, with a pause between them (WhyPause): machine code can't be
// interrupted, so without that a guest that fills megabytes would hold up the whole process for milliseconds.
const pieceBytes = 64 << 10

// pieces is what is added for bulk operations that may be long: a function for each distinct one, behind all others.
type pieces struct {
	signature uint32 // index of the functions' type
	functions map[string]uint32
	bodies    [][]byte // as in the code section, without their sizes
	// segments are the lengths of the data segments.
	segments []uint32
}

// piecewise returns the function that does most of an instruction in pieces, false where that is never long.
func (rw *rewriter) piecewise(in wasm.Instruction) (function uint32, ok bool) {
	code := rw.m.Data[in.Start:in.End]
	segment := uint32(0)
	switch in.Op {
	case wasm.OpMemoryCopy, wasm.OpMemoryFill:
	case wasm.OpMemoryInit:
		var known bool
		if segment, known = rw.segment(in); !known || segment <= pieceBytes {
			return 0, false
		}
	default:
		return 0, false
	}
	if i, known := rw.pieces.functions[string(code)]; known {
		return i, true
	}
	p := pieceWriter{rw: rw, op: in.Op, code: code, segment: segment}
	function = rw.functions() + 1 + uint32(len(rw.pieces.bodies)) // behind the hook and the module's own
	rw.pieces.functions[string(code)] = function
	rw.pieces.bodies = append(rw.pieces.bodies, p.body())
	return function, true
}

// segment returns the length of the data segment that memory.init names. Of a segment that is dropped nothing is left,
// which the instruction finds out at its first piece.
func (rw *rewriter) segment(in wasm.Instruction) (length uint32, known bool) {
	r := wasm.NewReader(rw.m.Data, in.Start+1, in.End)
	r.U32() // the rest of the opcode
	i := r.U32()
	if int64(i) >= int64(len(rw.pieces.segments)) {
		return 0, false
	}
	return rw.pieces.segments[i], true
}

// The parameters of such a function, which are the instruction's operands. It returns what is left to do as operands for
// the instruction itself: the last piece, or, if it would reach out of bounds, everything, so that nothing is written and the
// instruction traps where it stands.
const (
	pieceTo     = iota
	pieceFrom   // or the value
	pieceLength // more than pieceBytes
)

// A pieceWriter writes the body of one.
type pieceWriter struct {
	out     []byte
	rw      *rewriter
	op      uint32
	code    []byte // of the instruction
	segment uint32 // length of what memory.init reads
}

func (p *pieceWriter) emit(op ...byte)           { p.out = append(p.out, op...) }
func (p *pieceWriter) local(op, local byte)      { p.emit(op, local) }
func (p *pieceWriter) constant(op byte, v int64) { p.out = wasm.AppendI64(append(p.out, op), v) }

func (p *pieceWriter) body() []byte {
	p.emit(0) // locals
	p.bound(pieceTo, p.memoryBytes)
	switch p.op {
	case wasm.OpMemoryInit:
		p.bound(pieceFrom, func() { p.constant(wasm.OpI64Const, int64(p.segment)) })
	case wasm.OpMemoryCopy:
		p.bound(pieceFrom, p.memoryBytes)
		// Upwards would overwrite what is still to be read.
		p.local(wasm.OpLocalGet, pieceFrom)
		p.local(wasm.OpLocalGet, pieceTo)
		p.emit(wasm.OpI32LtU, wasm.OpIf, wasm.BlockEmpty)
		p.downwards()
		p.rest()
		p.emit(wasm.OpReturn, wasm.OpEnd)
	}
	p.upwards()
	p.rest()
	p.emit(wasm.OpEnd)
	return p.out
}

// bound returns the operands untouched if from start on there are fewer bytes than the length, of as many as limit pushes.
func (p *pieceWriter) bound(start byte, limit func()) {
	p.local(wasm.OpLocalGet, start)
	p.emit(wasm.OpI64ExtendI32)
	p.local(wasm.OpLocalGet, pieceLength)
	p.emit(wasm.OpI64ExtendI32, wasm.OpI64Add)
	limit()
	p.emit(wasm.OpI64GtU, wasm.OpIf, wasm.BlockEmpty)
	p.rest()
	p.emit(wasm.OpReturn, wasm.OpEnd)
}

// memoryBytes pushes the size of the memory.
func (p *pieceWriter) memoryBytes() {
	const pageBits = 16
	p.emit(wasm.OpMemorySize, 0, wasm.OpI64ExtendI32)
	p.constant(wasm.OpI64Const, pageBits)
	p.emit(wasm.OpI64Shl)
}

func (p *pieceWriter) rest() {
	for _, operand := range []byte{pieceTo, pieceFrom, pieceLength} {
		p.local(wasm.OpLocalGet, operand)
	}
}

// upwards does a piece after the other, the first first.
func (p *pieceWriter) upwards() {
	p.emit(wasm.OpLoop, wasm.BlockEmpty)
	p.local(wasm.OpLocalGet, pieceTo)
	p.local(wasm.OpLocalGet, pieceFrom)
	p.constant(wasm.OpI32Const, pieceBytes)
	p.emit(p.code...)
	p.move(wasm.OpI32Add, pieceTo)
	if p.op != wasm.OpMemoryFill {
		p.move(wasm.OpI32Add, pieceFrom)
	}
	p.move(wasm.OpI32Sub, pieceLength)
	p.again()
}

// downwards does a piece after the other, the last first.
func (p *pieceWriter) downwards() {
	p.emit(wasm.OpLoop, wasm.BlockEmpty)
	p.move(wasm.OpI32Sub, pieceLength)
	for _, start := range []byte{pieceTo, pieceFrom} {
		p.local(wasm.OpLocalGet, start)
		p.local(wasm.OpLocalGet, pieceLength)
		p.emit(wasm.OpI32Add)
	}
	p.constant(wasm.OpI32Const, pieceBytes)
	p.emit(p.code...)
	p.again()
}

// move adds a piece to a local, or subtracts it.
func (p *pieceWriter) move(op, local byte) {
	p.local(wasm.OpLocalGet, local)
	p.constant(wasm.OpI32Const, pieceBytes)
	p.emit(op)
	p.local(wasm.OpLocalSet, local)
}

// again pauses, and ends a loop that goes on while more than a piece is left.
func (p *pieceWriter) again() {
	p.constant(wasm.OpI32Const, WhyPause)
	p.out = wasm.AppendU32(append(p.out, wasm.OpGlobalGet), p.rw.fuel)
	p.out = wasm.AppendU32(append(p.out, wasm.OpCall), p.rw.hook)
	p.emit(wasm.OpDrop)
	p.local(wasm.OpLocalGet, pieceLength)
	p.constant(wasm.OpI32Const, pieceBytes)
	p.emit(wasm.OpI32GtU, wasm.OpBrIf, 0, wasm.OpEnd)
}
