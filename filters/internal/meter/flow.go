package meter

import "weir/filters/internal/wasm"

// follow calls use for each operand of which it is known which instruction made it: with the instruction that takes it
// and the operand's place, 0 for the topmost. Only straight-line code is followed: an operand that reaches a branch, a
// call or the end of a block is taken by nil, that is, by anything.
func follow(instrs []wasm.Instruction, use func(producer int, consumer *wasm.Instruction, place int)) {
	var stack []int
	for i := range instrs {
		in := &instrs[i]
		pops, pushes, ok := effect(in.Op)
		if !ok {
			for _, producer := range stack {
				use(producer, nil, 0)
			}
			stack = stack[:0]
			continue
		}
		for place := range min(pops, len(stack)) {
			use(stack[len(stack)-1], in, place)
			stack = stack[:len(stack)-1]
		}
		for range pushes {
			stack = append(stack, i)
		}
	}
}

// effect returns how many operands the simple instructions pop and push; not ok for all others.
func effect(op uint32) (pops, pushes int, ok bool) {
	switch {
	case op >= wasm.OpI32Const && op <= wasm.OpF64Const, op == wasm.OpLocalGet, op == wasm.OpGlobalGet, op == wasm.OpMemorySize:
		return 0, 1, true
	case op == wasm.OpDrop, op == wasm.OpLocalSet, op == wasm.OpGlobalSet:
		return 1, 0, true
	case op == wasm.OpLocalTee, op >= 0x28 && op <= 0x35: // loads
		return 1, 1, true
	case op >= 0x36 && op <= 0x3e: // stores
		return 2, 0, true
	case op == wasm.OpSelect || op == wasm.OpSelectTyped:
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
	case op >= truncations && op < wasm.OpMemoryInit:
		return 1, 1, true
	}
	return 0, 0, false
}

// unary tells the arithmetic of one operand: clz, ctz, popcnt; abs to sqrt.
func unary(op uint32) bool {
	return op >= 0x67 && op <= 0x69 || op >= 0x79 && op <= 0x7b || op >= 0x8b && op <= 0x91 || op >= 0x99 && op <= 0x9f
}

// truncations is the first of the saturating truncations, which come before the bulk operations.
const truncations = 0xfc << 8
