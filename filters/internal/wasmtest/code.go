package wasmtest

import "weir/filters/internal/wasm"

// Code joins pieces of code.
func Code(pieces ...[]byte) []byte {
	var out []byte
	for _, p := range pieces {
		out = append(out, p...)
	}
	return out
}

// Const pushes an i32.
func Const(v int32) []byte { return wasm.AppendI64([]byte{wasm.OpI32Const}, int64(v)) }

// Const64 pushes an i64.
func Const64(v int64) []byte { return wasm.AppendI64([]byte{wasm.OpI64Const}, v) }

// LocalGet pushes a local.
func LocalGet(local uint32) []byte { return wasm.AppendU32([]byte{wasm.OpLocalGet}, local) }

// LocalSet pops into a local.
func LocalSet(local uint32) []byte { return wasm.AppendU32([]byte{wasm.OpLocalSet}, local) }

// GlobalGet pushes a global.
func GlobalGet(global uint32) []byte { return wasm.AppendU32([]byte{wasm.OpGlobalGet}, global) }

// GlobalSet pops into a global.
func GlobalSet(global uint32) []byte { return wasm.AppendU32([]byte{wasm.OpGlobalSet}, global) }

// Call calls a function.
func Call(function uint32) []byte { return wasm.AppendU32([]byte{wasm.OpCall}, function) }

// Add adds two i32.
func Add() []byte { return []byte{wasm.OpI32Add} }

// Sub subtracts one i32 from another.
func Sub() []byte { return []byte{wasm.OpI32Sub} }

// Drop pops a value.
func Drop() []byte { return []byte{wasm.OpDrop} }

// Trap is unreachable.
func Trap() []byte { return []byte{wasm.OpUnreachable} }

// Forever is a loop without an end.
func Forever() []byte {
	return []byte{wasm.OpLoop, wasm.BlockEmpty, wasm.OpBr, 0, wasm.OpEnd}
}

// Repeat runs code n times; local is an i32 of its own.
func Repeat(local uint32, n int32, code ...[]byte) []byte {
	return Code(Const(n), LocalSet(local), []byte{wasm.OpLoop, wasm.BlockEmpty}, Code(code...),
		LocalGet(local), Const(1), Sub(), LocalSet(local), LocalGet(local), []byte{wasm.OpBrIf, 0, wasm.OpEnd})
}

// If runs code if the i32 on the stack is not 0.
func If(code ...[]byte) []byte {
	return Code([]byte{wasm.OpIf, wasm.BlockEmpty}, Code(code...), []byte{wasm.OpEnd})
}

// Load pushes the i32 at the address on the stack.
func Load() []byte { return []byte{0x28, 2, 0} }

// Store pops an i32 and an address, and writes the one to the other.
func Store() []byte { return []byte{0x36, 2, 0} }

// Store64 pops an i64 and an address, and writes the one to the other.
func Store64() []byte { return []byte{0x37, 3, 0} }

// Fill pops a length, a byte and an address, and fills memory.
func Fill() []byte { return []byte{0xfc, 11, 0} }

// Grow pops a number of pages and pushes the size before.
func Grow() []byte { return []byte{wasm.OpMemoryGrow, 0} }
