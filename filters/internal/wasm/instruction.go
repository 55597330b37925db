package wasm

// Instructions (section 5.4) that somebody asks for by name.
const (
	OpUnreachable  = 0x00
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
	OpLocalGet     = 0x20
	OpLocalSet     = 0x21
	OpLocalTee     = 0x22
	OpGlobalGet    = 0x23
	OpGlobalSet    = 0x24
	OpTableSet     = 0x26
	OpMemoryGrow   = 0x40
	OpI32Const     = 0x41
	OpI64Const     = 0x42
	OpI32Eqz       = 0x45
	OpI32LtS       = 0x48
	OpI32Add       = 0x6a
	OpI32Sub       = 0x6b
	OpI32ShrU      = 0x76
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

	prefixMisc = 0xfc
	prefixSIMD = 0xfd

	// BlockEmpty is the type of a block without params and results.
	BlockEmpty = 0x40
)

// An Instruction is one instruction in place.
type Instruction struct {
	Op      uint32 // opcode; with a prefix, prefix<<8 | opcode
	Index   uint32 // what it refers to: a local, global, function; for call_indirect a type
	Targets int    // of a br_table, without the default
	Start   int    // position of the opcode; the reader stands behind the operands
}

// Instruction reads one instruction with its operands.
func (r *Reader) Instruction() Instruction {
	in := Instruction{Start: r.Pos()}
	op := r.Byte()
	in.Op = uint32(op)
	switch {
	case op == prefixMisc:
		r.misc(&in)
	case op == prefixSIMD:
		r.simd(&in)
	case op >= OpBlock && op <= OpIf:
		r.SkipSigned(33)
	case op == OpBr || op == OpBrIf, op == OpCall, op >= OpLocalGet && op <= 0x26, op == OpRefFunc:
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
	case op == 0x1c: // select with types
		r.Bytes(r.U32())
	case op >= 0x28 && op <= 0x3e: // loads and stores
		r.memarg()
	case op == 0x3f || op == OpMemoryGrow, op == 0xd0:
		r.Byte()
	case op == OpI32Const:
		r.SkipSigned(32)
	case op == OpI64Const:
		r.SkipSigned(64)
	case op == 0x43:
		r.Bytes(4)
	case op == 0x44:
		r.Bytes(8)
	case op <= 0x01, op == OpElse, op == OpEnd, op == OpReturn, op == OpDrop || op == 0x1b, op >= 0x45 && op <= 0xc4, op == 0xd1:
	default:
		r.pos = in.Start
		r.Fail("0x%02x is no instruction that filters can use", op)
	}
	return in
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

func (r *Reader) simd(in *Instruction) {
	sub := r.U32()
	in.Op = prefixSIMD<<8 | sub
	switch {
	case sub <= 11 || sub == 92 || sub == 93: // loads and stores
		r.memarg()
	case sub == 12 || sub == 13: // a constant, a shuffle
		r.Bytes(16)
	case sub >= 21 && sub <= 34: // lanes
		r.Byte()
	case sub >= 84 && sub <= 91: // loads and stores of lanes
		r.memarg()
		r.Byte()
	case sub <= 255:
	default:
		r.pos = in.Start
		r.Fail("0xfd %d is no instruction that filters can use", sub)
	}
}
