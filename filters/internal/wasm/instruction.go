package wasm

import "errors"

// Instructions (section 5.4) that somebody asks for by name.
const (
	OpUnreachable  = 0x00
	OpNop          = 0x01
	OpBlock        = 0x02
	OpLoop         = 0x03
	OpIf           = 0x04
	OpElse         = 0x05
	OpEnd          = 0x0b
	OpBr           = 0x0c
	OpBrIf         = 0x0d
	OpBrTable      = 0x0e
	OpReturn       = 0x0f
	OpCall         = 0x10
	OpCallIndirect = 0x11
	OpDrop         = 0x1a
	OpSelect       = 0x1b
	OpSelectTyped  = 0x1c
	OpLocalGet     = 0x20
	OpLocalSet     = 0x21
	OpLocalTee     = 0x22
	OpGlobalGet    = 0x23
	OpGlobalSet    = 0x24
	OpTableSet     = 0x26
	OpMemorySize   = 0x3f
	OpMemoryGrow   = 0x40
	OpI32Const     = 0x41
	OpI64Const     = 0x42
	OpF32Const     = 0x43
	OpF64Const     = 0x44
	OpI32Eqz       = 0x45
	OpI32LtS       = 0x48
	OpI32LtU       = 0x49
	OpI32GtU       = 0x4b
	OpI32LeU       = 0x4d
	OpI64LtS       = 0x53
	OpI64GtU       = 0x56
	OpF32Eq        = 0x5b
	OpF64Eq        = 0x61
	OpF64Ge        = 0x66
	OpI32Add       = 0x6a
	OpI32Sub       = 0x6b
	OpI32Mul       = 0x6c
	OpI32And       = 0x71
	OpI32Or        = 0x72
	OpI32ShrU      = 0x76
	OpI64Add       = 0x7c
	OpI64Sub       = 0x7d
	OpI64Mul       = 0x7e
	OpI64And       = 0x83
	OpI64Or        = 0x84
	OpI64Shl       = 0x86
	OpI64ShrU      = 0x88
	OpI64ExtendI32 = 0xad // i64.extend_i32_u
	OpRefNull      = 0xd0
	OpRefFunc      = 0xd2

	OpMemoryInit = 0xfc<<8 | 8
	OpDataDrop   = 0xfc<<8 | 9
	OpMemoryCopy = 0xfc<<8 | 10
	OpMemoryFill = 0xfc<<8 | 11
	OpTableInit  = 0xfc<<8 | 12
	OpElemDrop   = 0xfc<<8 | 13
	OpTableCopy  = 0xfc<<8 | 14
	OpTableGrow  = 0xfc<<8 | 15
	OpTableFill  = 0xfc<<8 | 17

	prefixMisc    = 0xfc
	prefixVectors = 0xfd
	prefixThreads = 0xfe

	// BlockEmpty is the type of a block without params and results.
	BlockEmpty = 0x40
)

// An Instruction is one instruction in place.
type Instruction struct {
	Op      uint32 // opcode; with a prefix, prefix<<8 | opcode
	Index   uint32 // what it refers to: a local, global, function; for call_indirect a type
	Targets int    // of a br_table, without the default
	Start   int    // position of the opcode
	End     int    // position behind the operands
}

// Instruction reads one instruction with its operands.
func (r *Reader) Instruction() Instruction {
	in := r.instruction()
	in.End = r.Pos()
	return in
}

func (r *Reader) instruction() Instruction {
	in := Instruction{Start: r.Pos()}
	op := r.Byte()
	in.Op = uint32(op)
	switch {
	case op == prefixMisc:
		r.misc(&in)
	case op >= OpBlock && op <= OpIf:
		r.SkipSigned(33)
	case op == OpBr || op == OpBrIf, op == OpCall, op >= OpLocalGet && op <= OpTableSet, op == OpRefFunc:
		in.Index = r.U32()
	case op == OpBrTable:
		in.Targets = r.Count("targets of one br_table", MaxBodyBytes)
		for range in.Targets {
			if r.U32(); r.err != nil {
				return in
			}
		}
		r.U32()
	case op == OpCallIndirect:
		in.Index = r.U32()
		r.U32()
	case op == OpSelectTyped:
		r.Bytes(r.U32())
	case op >= 0x28 && op <= 0x3e: // loads and stores
		r.memarg()
	case op == OpMemorySize || op == OpMemoryGrow, op == OpRefNull:
		r.Byte()
	case op == OpI32Const:
		r.SkipSigned(32)
	case op == OpI64Const:
		r.SkipSigned(64)
	case op == OpF32Const:
		r.Bytes(4)
	case op == OpF64Const:
		r.Bytes(8)
	case op <= OpNop, op == OpElse, op == OpEnd, op == OpReturn, op == OpDrop || op == OpSelect, op >= 0x45 && op <= 0xc4, op == 0xd1:
	default:
		r.pos = in.Start
		r.unsupported(op)
	}
	return in
}

// ErrUnsupported is wrapped for instructions and types of proposals that filters can't use: what they do could not be
// bounded, or is not the same on every machine.
var ErrUnsupported = errors.New("which filters can't use")

// unsupported fails with the name of what an opcode belongs to.
func (r *Reader) unsupported(op byte) {
	what := ""
	switch {
	case op == prefixVectors:
		what = "SIMD"
	case op == prefixThreads:
		what = "threads"
	case op == 0x12 || op == 0x13 || op == 0x15:
		what = "tail calls"
	case op >= 0x06 && op <= 0x0a || op == 0x18 || op == 0x19 || op == 0x1f:
		what = "exceptions"
	default:
		r.Fail("0x%02x is no instruction that filters can use", op)
		return
	}
	r.Fail("it uses %s, %w", what, ErrUnsupported)
}

func (r *Reader) memarg() {
	r.U32()
	r.U32()
}

func (r *Reader) misc(in *Instruction) {
	sub := r.U32()
	in.Op = prefixMisc<<8 | sub
	switch {
	case sub <= 7: // saturating truncation
	case sub == 9 || sub == 11 || sub == 13, sub >= 15 && sub <= 17:
		r.U32()
	case sub == 8 || sub == 10 || sub == 12 || sub == 14:
		r.U32()
		r.U32()
	default:
		r.pos = in.Start
		r.Fail("0xfc %d is no instruction that filters can use", sub)
	}
}
