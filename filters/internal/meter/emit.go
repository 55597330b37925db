package meter

import "weir/filters/internal/wasm"

// An emitter writes a function's code, and into it what does the counting.
type emitter struct {
	out []byte
	f   *function
}

// Offsets of the added locals, behind the function's own. Not every function uses all; an unused local costs nothing.
const (
	localFuel   = iota // i64: copy of the global, so that a loop's own charges need not wait for memory
	localDepth         // i32: with this call
	localLength        // i32: of a bulk operation
	localF32
	localF64
	addedLocals = iota
)

func (e *emitter) op(op ...byte)                 { e.out = append(e.out, op...) }
func (e *emitter) index(op byte, index uint32)   { e.out = wasm.AppendU32(append(e.out, op), index) }
func (e *emitter) local(op byte, which uint32)   { e.index(op, e.f.locals+which) }
func (e *emitter) constant(op byte, value int64) { e.out = wasm.AppendI64(append(e.out, op), value) }

func (e *emitter) original(in wasm.Instruction) {
	e.out = append(e.out, e.f.m.Data[in.Start:in.End]...)
}

func (e *emitter) function(op byte, i uint32) error {
	index, err := e.f.function(i)
	e.index(op, index)
	return err
}

// declareLocals writes the function's locals and the added ones.
func (e *emitter) declareLocals(body wasm.Body) {
	r := wasm.NewReader(e.f.m.Data, body.Start, body.End)
	groups := r.U32()
	start := r.Pos()
	for range groups {
		r.U32()
		r.Byte()
	}
	e.out = append(wasm.AppendU32(e.out, groups+addedLocals), e.f.m.Data[start:r.Pos()]...)
	for _, t := range [addedLocals]byte{localFuel: wasm.I64, localDepth: wasm.I32, localLength: wasm.I32, localF32: wasm.F32, localF64: wasm.F64} {
		e.op(1, t)
	}
}

// enter charges for a function's first region, and counts its frame if it makes calls: that one frame of a function that
// makes none lies on top doesn't matter. The depth is not counted down at exits, of which there are many kinds: a caller
// sets it back before its next call.
func (e *emitter) enter() {
	e.index(wasm.OpGlobalGet, e.f.fuel)
	e.local(wasm.OpLocalSet, localFuel)
	e.charge(e.f.entry.cost)
	e.check()
	if !e.f.calls {
		return
	}
	e.index(wasm.OpGlobalGet, e.f.depth)
	e.constant(wasm.OpI32Const, e.f.frame())
	e.op(wasm.OpI32Add)
	e.local(wasm.OpLocalTee, localDepth)
	e.constant(wasm.OpI32Const, int64(e.f.cfg.Depth))
	e.op(wasm.OpI32GtU, wasm.OpIf, wasm.BlockEmpty)
	e.tick(WhyDepth)
	e.op(wasm.OpDrop, wasm.OpEnd)
}

// instruction writes one instruction with what belongs before and behind it.
func (e *emitter) instruction(i int, in wasm.Instruction) error {
	if region := e.f.charges[i]; region != nil {
		e.charge(region.cost)
	}
	if length, ok := bulkOf(in.Op); ok {
		e.chargeLength(length)
	}
	if function, ok := e.f.piecewise(in); ok {
		e.inPieces(function)
	}
	switch in.Op {
	case wasm.OpLoop:
		e.original(in)
		e.charge(e.f.loops[i].cost)
		e.check()
	case wasm.OpCall:
		e.beforeCall()
		if err := e.function(wasm.OpCall, in.Index); err != nil {
			return err
		}
		e.afterCall()
	case wasm.OpCallIndirect:
		e.beforeCall()
		e.original(in)
		e.afterCall()
	case wasm.OpRefFunc:
		return e.function(wasm.OpRefFunc, in.Index)
	default:
		e.original(in)
	}
	e.repair(e.f.repairs[i])
	return nil
}

// charge takes a fixed cost, at least 1, so that an empty loop comes to its end too. The global is always up to date,
// also when the next instruction traps: nothing that ran goes uncounted.
func (e *emitter) charge(cost int64) {
	e.local(wasm.OpLocalGet, localFuel)
	e.constant(wasm.OpI64Const, max(cost, 1))
	e.spend()
}

// chargeLength takes the cost of a bulk operation whose length is on top of the stack, and leaves it there.
func (e *emitter) chargeLength(b bulk) {
	e.local(wasm.OpLocalTee, localLength)
	e.local(wasm.OpLocalGet, localFuel)
	e.local(wasm.OpLocalGet, localLength)
	if b.up != 0 {
		// Times 0 for more pages than there can be.
		e.local(wasm.OpLocalGet, localLength)
		e.constant(wasm.OpI32Const, int64(e.f.cfg.Pages))
		e.op(wasm.OpI32LeU, wasm.OpI32Mul)
	}
	e.op(wasm.OpI64ExtendI32)
	if b.up != 0 {
		e.constant(wasm.OpI64Const, 1<<b.up)
		e.op(wasm.OpI64Mul)
	}
	if b.down != 0 {
		e.constant(wasm.OpI64Const, int64(b.down))
		e.op(wasm.OpI64ShrU)
	}
	e.spend()
	e.check()
}

// inPieces has a function do all but the last piece of a bulk operation that is long, which chargeLength has noted.
func (e *emitter) inPieces(function uint32) {
	e.local(wasm.OpLocalGet, localLength)
	e.constant(wasm.OpI32Const, pieceBytes)
	e.op(wasm.OpI32GtU)
	e.constant(wasm.OpIf, int64(e.f.pieces.signature))
	e.index(wasm.OpCall, function)
	e.op(wasm.OpEnd)
}

// spend subtracts what is on top of the stack from what is below it, and keeps the difference as the fuel that is left.
func (e *emitter) spend() {
	e.op(wasm.OpI64Sub)
	e.local(wasm.OpLocalTee, localFuel)
	e.index(wasm.OpGlobalSet, e.f.fuel)
}

// check asks the host for more if what is left is below zero. Functions' entries, loops' heads and bulk operations are
// enough of it: what can run between them is bounded by the module's length.
func (e *emitter) check() {
	e.local(wasm.OpLocalGet, localFuel)
	e.constant(wasm.OpI64Const, 0)
	e.op(wasm.OpI64LtS, wasm.OpIf, wasm.BlockEmpty)
	e.tick(WhyFuel)
	e.local(wasm.OpLocalTee, localFuel)
	e.index(wasm.OpGlobalSet, e.f.fuel)
	e.op(wasm.OpEnd)
}

// tick calls the host, and leaves its answer on the stack.
func (e *emitter) tick(why int64) {
	e.constant(wasm.OpI32Const, why)
	e.local(wasm.OpLocalGet, localFuel)
	e.index(wasm.OpCall, e.f.hook)
}

// beforeCall says how deep this function is, which calls it made before have overwritten.
func (e *emitter) beforeCall() {
	e.local(wasm.OpLocalGet, localDepth)
	e.index(wasm.OpGlobalSet, e.f.depth)
}

// afterCall learns what the callee has spent, where this function may charge again.
func (e *emitter) afterCall() {
	if e.f.bulks || len(e.f.loops)+len(e.f.charges) > 0 {
		e.index(wasm.OpGlobalGet, e.f.fuel)
		e.local(wasm.OpLocalSet, localFuel)
	}
}

// repair makes the result on top of the stack the same on every machine.
func (e *emitter) repair(r repair) {
	switch r {
	case canonicalF32:
		e.canonicalise(localF32, wasm.OpF32Eq, wasm.OpF32Const, 0, 0, 0xc0, 0x7f)
	case canonicalF64:
		e.canonicalise(localF64, wasm.OpF64Eq, wasm.OpF64Const, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f)
	case opaqueI32:
		e.op(wasm.OpI32Const, 0, wasm.OpI32Or)
	case opaqueI64:
		e.op(wasm.OpI64Const, 0, wasm.OpI64Or)
	}
}

// canonicalise replaces a NaN v on top of the stack by the canonical, positive one: v, NaN, v == v, select.
func (e *emitter) canonicalise(local uint32, equal byte, nan ...byte) {
	e.local(wasm.OpLocalTee, local)
	e.op(nan...)
	e.local(wasm.OpLocalGet, local)
	e.local(wasm.OpLocalGet, local)
	e.op(equal, wasm.OpSelect)
}
