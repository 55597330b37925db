package meter

// Opcodes that are treated by name (WebAssembly core specification 2.0, section 5.4).
const (
	opUnreachable  = 0x00
	opBlock        = 0x02
	opLoop         = 0x03
	opIf           = 0x04
	opElse         = 0x05
	opEnd          = 0x0b
	opBr           = 0x0c
	opBrIf         = 0x0d
	opBrTable      = 0x0e
	opReturn       = 0x0f
	opCall         = 0x10
	opCallIndirect = 0x11
	opDrop         = 0x1a
	opSelect       = 0x1b
	opSelectTyped  = 0x1c
	opLocalGet     = 0x20
	opLocalSet     = 0x21
	opLocalTee     = 0x22
	opGlobalGet    = 0x23
	opGlobalSet    = 0x24
	opTableSet     = 0x26
	opMemoryGrow   = 0x40
	opI32Const     = 0x41
	opI64Const     = 0x42
	opF32Const     = 0x43
	opF64Const     = 0x44
	opI32GtU       = 0x4b
	opI64LtS       = 0x53
	opF32Eq        = 0x5b
	opF64Eq        = 0x61
	opF64Ge        = 0x66
	opI32Add       = 0x6a
	opI32And       = 0x71
	opI32Or        = 0x72
	opI64Sub       = 0x7d
	opI64Mul       = 0x7e
	opI64And       = 0x83
	opI64Or        = 0x84
	opI64ShrU      = 0x88
	opI64ExtendI32 = 0xad // i64.extend_i32_u

	opRefNull   = 0xd0
	opRefIsNull = 0xd1
	opRefFunc   = 0xd2
	opMisc      = 0xfc
	opVector    = 0xfd
	opAtomic    = 0xfe
)

// Second bytes behind opMisc.
const (
	miscMemoryInit = 8
	miscDataDrop   = 9
	miscMemoryCopy = 10
	miscMemoryFill = 11
	miscTableInit  = 12
	miscElemDrop   = 13
	miscTableCopy  = 14
	miscTableGrow  = 15
	miscTableSize  = 16
	miscTableFill  = 17
)

const blockTypeEmpty = 0x40

// Value types.
const (
	typeI32    = 0x7f
	typeI64    = 0x7e
	typeF32    = 0x7d
	typeF64    = 0x7c
	typeVector = 0x7b
)

// An instr is one instruction of a function's body.
type instr struct {
	start, end int // its bytes, in the body
	op         byte
	misc       uint32 // behind opMisc
	index      uint32 // of the function (call), the type (call_indirect), the local or the global
	off        int    // of start, in the module, for errors
}

// next reads one instruction.
func next(r *reader) (instr, error) {
	in := instr{start: r.pos, off: r.at()}
	op, err := r.byte()
	if err != nil {
		return in, err
	}
	in.op = op
	err = in.immediates(r)
	in.end = r.pos
	return in, err
}

func (in *instr) immediates(r *reader) (err error) {
	switch op := in.op; {
	case op == opBlock || op == opLoop || op == opIf:
		return r.skipInt(33) // a value type, blockTypeEmpty or the index of a type, all signed
	case op == opBr || op == opBrIf, op > opGlobalSet && op <= opTableSet, op == opRefFunc:
		return r.skipInt(32)
	case op == opBrTable:
		return skipBrTable(r)
	case op == opCall, op >= opLocalGet && op <= opGlobalSet:
		in.index, err = r.u32()
		return err
	case op == opCallIndirect:
		if in.index, err = r.u32(); err != nil {
			return err
		}
		return r.skipInt(32)
	case op == opSelectTyped:
		return skipTypes(r)
	case op >= 0x28 && op <= 0x3e: // loads and stores: alignment, offset
		if err := r.skipInt(32); err != nil {
			return err
		}
		return r.skipInt(32)
	case op == 0x3f || op == opMemoryGrow || op == opRefNull:
		_, err = r.byte()
		return err
	case op == opI32Const:
		return r.skipInt(32)
	case op == opI64Const:
		return r.skipInt(64)
	case op == opF32Const:
		_, err = r.bytes(4)
		return err
	case op == opF64Const:
		_, err = r.bytes(8)
		return err
	case op == opMisc:
		return in.miscImmediates(r)
	case plain(op):
		return nil
	case op == opVector:
		return refused("vector (SIMD) instruction at byte %d", in.off)
	case op == opAtomic:
		return refused("atomic instruction (threads) at byte %d", in.off)
	}
	return refused("instruction %#x at byte %d is not in WebAssembly 2.0", in.op, in.off)
}

// plain tells the instructions that have no immediates.
func plain(op byte) bool {
	switch op {
	case opUnreachable, 0x01, opElse, opEnd, opReturn, opDrop, opSelect, opRefIsNull:
		return true
	}
	return op >= 0x45 && op <= 0xc4
}

func (in *instr) miscImmediates(r *reader) (err error) {
	if in.misc, err = r.u32(); err != nil {
		return err
	}
	indexes := 0
	switch in.misc {
	case miscMemoryInit, miscMemoryCopy, miscTableInit, miscTableCopy:
		indexes = 2
	case miscDataDrop, miscMemoryFill, miscElemDrop, miscTableGrow, miscTableSize, miscTableFill:
		indexes = 1
	default:
		if in.misc > miscTableFill {
			return refused("instruction 0xfc %d at byte %d is not in WebAssembly 2.0", in.misc, in.off)
		}
	}
	for range indexes {
		if err := r.skipInt(32); err != nil {
			return err
		}
	}
	return nil
}

func skipBrTable(r *reader) error {
	n, err := r.count()
	if err != nil {
		return err
	}
	for range n + 1 { // and the default
		if err := r.skipInt(32); err != nil {
			return err
		}
	}
	return nil
}

func skipTypes(r *reader) error {
	n, err := r.u32()
	if err != nil {
		return err
	}
	_, err = r.bytes(n)
	return err
}
