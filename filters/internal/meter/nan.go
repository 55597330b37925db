package meter

// canonicalised tells after which instructions a NaN must be made canonical: after arithmetic, except where all that
// becomes of the result is a comparison, a conversion to an integer or more arithmetic, which don't show its bits. Only
// straight-line code is followed: whatever reaches a branch, a call or the end of a block counts as seen.
func canonicalised(instrs []instr) map[int]byte {
	var seen map[int]byte
	var stack []int // per operand: the arithmetic instruction that made it, or other
	const other = -1
	see := func(producer int) {
		if producer == other {
			return
		}
		if seen == nil {
			seen = map[int]byte{}
		}
		seen[producer] = arithmeticType(instrs[producer].op)
	}
	for i := range instrs {
		in := &instrs[i]
		pops, pushes, ok := effect(in)
		if !ok {
			for _, producer := range stack {
				see(producer)
			}
			stack = stack[:0]
			continue
		}
		for range min(pops, len(stack)) {
			if !blind(in) {
				see(stack[len(stack)-1])
			}
			stack = stack[:len(stack)-1]
		}
		for range pushes {
			producer := other
			if arithmeticType(in.op) != 0 {
				producer = i
			}
			stack = append(stack, producer)
		}
	}
	return seen
}

// arithmeticType returns the type of an instruction's result if that may be a NaN of any kind (WebAssembly core
// specification 2.0, section 4.3.3), else 0. The sign operations abs, neg and copysign are exact.
func arithmeticType(op byte) byte {
	switch {
	case op >= 0x8d && op <= 0x97, op == 0xb6: // f32: ceil to max; demote
		return typeF32
	case op >= 0x9b && op <= 0xa5, op == 0xbb: // f64: ceil to max; promote
		return typeF64
	}
	return 0
}

// blind tells the instructions whose result doesn't depend on which NaN they are given.
func blind(in *instr) bool {
	switch op := in.op; {
	case op >= opF32Eq && op <= opF64Ge, arithmeticType(op) != 0:
		return true
	case op >= 0xa8 && op <= 0xab, op >= 0xae && op <= 0xb1: // truncations
		return true
	case op == opMisc: // saturating truncations; effect knows no others
		return true
	case op == 0x1a: // drop
		return true
	}
	return false
}

// effect returns how many operands the simple instructions pop and push; not ok for all others.
func effect(in *instr) (pops, pushes int, ok bool) {
	switch op := in.op; {
	case op >= opI32Const && op <= opF64Const, op == opLocalGet, op == opGlobalGet, op == 0x3f:
		return 0, 1, true
	case op == 0x1a, op == opLocalSet, op == opGlobalSet:
		return 1, 0, true
	case op == opLocalTee, op >= 0x28 && op <= 0x35: // loads
		return 1, 1, true
	case op >= 0x36 && op <= 0x3e: // stores
		return 2, 0, true
	case op == opSelect || op == opSelectTyped:
		return 3, 1, true
	case op == 0x45 || op == 0x50: // eqz
		return 1, 1, true
	case op >= 0x46 && op <= 0x66: // comparisons
		return 2, 1, true
	case unary(op):
		return 1, 1, true
	case op >= 0x6a && op <= 0xa6: // the rest of arithmetic
		return 2, 1, true
	case op >= 0xa7 && op <= 0xc4: // conversions, sign extension
		return 1, 1, true
	case op == opMisc && in.misc < miscMemoryInit:
		return 1, 1, true
	}
	return 0, 0, false
}

// unary tells the arithmetic of one operand: clz, ctz, popcnt; abs to sqrt.
func unary(op byte) bool {
	return op >= 0x67 && op <= 0x69 || op >= 0x79 && op <= 0x7b || op >= 0x8b && op <= 0x91 || op >= 0x99 && op <= 0x9f
}
