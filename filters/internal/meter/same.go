package meter

import "weir/filters/internal/wasm"

// A repair is what is done to an instruction's result so that it is the same on every machine.
type repair byte

const (
	canonicalF32 repair = iota + 1
	canonicalF64
	opaqueI32
	opaqueI64
)

// repairs tells which results, by instruction, need which repair.
func repairs(instrs []wasm.Instruction) map[int]repair {
	var found map[int]repair
	follow(instrs, func(producer int, consumer *wasm.Instruction, place int) {
		r := repairOf(&instrs[producer], consumer, place)
		if r == 0 {
			return
		}
		if found == nil {
			found = map[int]repair{}
		}
		found[producer] = r
	})
	return found
}

func repairOf(producer, consumer *wasm.Instruction, place int) repair {
	switch op := producer.Op; {
	case op == wasm.OpI32And && !(consumer != nil && indifferent(consumer, place)):
		return opaqueI32
	case op == wasm.OpI64And && !(consumer != nil && indifferent(consumer, place)):
		return opaqueI64
	case arithmeticF32(op) && !(consumer != nil && blind(consumer)):
		return canonicalF32
	case arithmeticF64(op) && !(consumer != nil && blind(consumer)):
		return canonicalF64
	}
	return 0
}

// Arithmetic of floating-point numbers may answer a NaN with any bits (WebAssembly core specification 2.0, section
// 4.3.3), and does, by processor. The sign operations abs, neg and copysign are exact.

func arithmeticF32(op uint32) bool { return op >= 0x8d && op <= 0x97 || op == 0xb6 } // ceil to max; demote
func arithmeticF64(op uint32) bool { return op >= 0x9b && op <= 0xa5 || op == 0xbb } // ceil to max; promote

// blind tells the instructions whose result doesn't depend on the bits of a NaN: comparisons, conversions to integers,
// and arithmetic, whose own result is seen to.
func blind(in *wasm.Instruction) bool {
	switch op := in.Op; {
	case op >= wasm.OpF32Eq && op <= wasm.OpF64Ge, arithmeticF32(op), arithmeticF64(op), op == wasm.OpDrop:
		return true
	case op >= 0xa8 && op <= 0xab, op >= 0xae && op <= 0xb1: // truncations
		return true
	}
	return in.Op >= truncations && in.Op < wasm.OpMemoryInit
}

// wazero 1.12 compiles "0 < (x & y)" wrongly on amd64 where a branch follows: it tests x & y and branches as if the
// operands stood the other way round. So a bitwise and that may become the right operand of an ordered comparison is
// hidden from it behind an "or 0". indifferent tells the instructions that are no such comparison, and do not carry the
// result to one by way of a local.
func indifferent(in *wasm.Instruction, place int) bool {
	switch op := in.Op; {
	case op == wasm.OpLocalSet || op == wasm.OpLocalTee || op == wasm.OpSelect || op == wasm.OpSelectTyped:
		return false
	case op >= 0x48 && op <= 0x4f, op >= 0x53 && op <= 0x5a: // lt, gt, le, ge of i32 and i64
		return place != 0
	}
	return true
}
