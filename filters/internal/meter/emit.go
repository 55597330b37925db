package meter

// An emitter writes the instructions that do the counting.
type emitter struct {
	out []byte
	f   *function
}

func (e *emitter) op(op byte)                    { e.out = append(e.out, op) }
func (e *emitter) index(op byte, index uint32)   { e.out = appendU32(append(e.out, op), index) }
func (e *emitter) constant(op byte, value int64) { e.out = appendS64(append(e.out, op), value) }

// entry charges a function's first region and counts its frame. The depth is not counted down at exits, of which there
// are many kinds: a caller sets it back before its next call.
func (e *emitter) entry() {
	f := e.f
	e.index(opGlobalGet, f.fuelGlobal)
	e.index(opLocalSet, f.local(localFuel))
	e.charge(f.regions[0].cost)
	e.index(opGlobalGet, f.depthGlobal)
	e.constant(opI32Const, f.frame())
	e.op(opI32Add)
	e.index(opLocalTee, f.local(localDepth))
	e.constant(opI32Const, MaxDepth)
	e.op(opI32GtU)
	// Left in the global, so that the host can tell one trap from the other.
	e.out = append(e.out, opIf, blockTypeEmpty)
	e.setDepth()
	e.out = append(e.out, opUnreachable, opEnd)
	e.trapIfSpent()
}

// charge takes a fixed cost, at least 1, so that an empty loop comes to its end too. The global is always up to date,
// also when the next instruction traps: nothing that ran goes uncounted.
func (e *emitter) charge(cost uint64) {
	e.index(opLocalGet, e.f.local(localFuel))
	e.constant(opI64Const, int64(max(cost, 1)))
	e.spend()
}

// chargeLength takes the cost of a bulk operation whose length is on top of the stack, and leaves it there.
func (e *emitter) chargeLength(b bulk) {
	f := e.f
	e.index(opLocalTee, f.local(localLength))
	e.index(opLocalGet, f.local(localFuel))
	e.index(opLocalGet, f.local(localLength))
	e.op(opI64ExtendI32)
	if b.up != 1 {
		e.constant(opI64Const, b.up)
		e.op(opI64Mul)
	}
	if b.down != 0 {
		e.constant(opI64Const, b.down)
		e.op(opI64ShrU)
	}
	e.spend()
	e.trapIfSpent()
}

// spend subtracts what is on top of the stack from what is below it and keeps the difference as the fuel that is left.
func (e *emitter) spend() {
	e.op(opI64Sub)
	e.index(opLocalTee, e.f.local(localFuel))
	e.index(opGlobalSet, e.f.fuelGlobal)
}

func (e *emitter) trapIfSpent() {
	e.index(opLocalGet, e.f.local(localFuel))
	e.constant(opI64Const, 0)
	e.op(opI64LtS)
	e.out = append(e.out, opIf, blockTypeEmpty, opUnreachable, opEnd)
}

func (e *emitter) setDepth() {
	e.index(opLocalGet, e.f.local(localDepth))
	e.index(opGlobalSet, e.f.depthGlobal)
}

// beforeCall says how deep this function is, which calls it made before have overwritten.
func (e *emitter) beforeCall() { e.setDepth() }

// afterCall learns what the callee has spent, where this function is to charge again.
func (e *emitter) afterCall() {
	if e.f.reload {
		e.index(opGlobalGet, e.f.fuelGlobal)
		e.index(opLocalSet, e.f.local(localFuel))
	}
}

// repair makes the result on top of the stack the same on every machine.
func (e *emitter) repair(r repair) {
	switch r {
	case canonicalF32:
		e.canonicalise(localF32, opF32Eq, opF32Const, 0, 0, 0xc0, 0x7f)
	case canonicalF64:
		e.canonicalise(localF64, opF64Eq, opF64Const, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f)
	case opaqueI32:
		e.out = append(e.out, opI32Const, 0, opI32Or)
	case opaqueI64:
		e.out = append(e.out, opI64Const, 0, opI64Or)
	}
}

// canonicalise replaces a NaN v on top of the stack by the canonical, positive one: v, NaN, v == v, select.
func (e *emitter) canonicalise(local int, equal byte, nan ...byte) {
	v := e.f.local(local)
	e.index(opLocalTee, v)
	e.out = append(e.out, nan...)
	e.index(opLocalGet, v)
	e.index(opLocalGet, v)
	e.op(equal)
	e.op(opSelect)
}
