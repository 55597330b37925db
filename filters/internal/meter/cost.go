package meter

import "weir/filters/internal/wasm"

// Fuel is counted in units of a simple instruction, 0.1 to 0.2 ns on a machine of 2025. The weights say
// how much longer others may take, so that a budget of fuel is a budget of time within a small factor. They are part of
// what tenants are billed by: a change is a new version of the metering.
const (
	costSimple   = 1
	costMemory   = 2  // a load or a store, from cache
	costCall     = 8  // frame, depth and stack check
	costIndirect = 12 // and the lookup
	costDivide   = 16 // integer division, square root

	// Bulk operations move 16 bytes and more in the time of an instruction where memory is in the cache, and 2 to 3 where it is
	// not, as with megabytes; 2^shift bytes are a unit.
	bulkByteShift = 2
	// A table's element is a pointer: a unit each.
	bulkElementShift = 0
	// The system provides, and clears, a page of 64 KiB as it is first written to, 4 KiB at a time, which takes some 30 µs in
	// all: 2^shift units, a unit a byte.
	pageShift = 16
)

// PageCost is what a page of memory costs, whether an instance begins with it or grows by it.
const PageCost = 1 << pageShift

// cost returns the fixed part of what an instruction costs.
func cost(op uint32) int64 {
	switch {
	case op == wasm.OpEnd || op == wasm.OpElse || op == wasm.OpBlock || op == wasm.OpNop || op == wasm.OpDrop:
		return 0 // nothing is executed for them
	case op == wasm.OpCall:
		return costCall
	case op == wasm.OpCallIndirect:
		return costIndirect
	case op >= 0x28 && op <= 0x3e:
		return costMemory
	case op >= 0x6d && op <= 0x70, op >= 0x7f && op <= 0x82: // i32, i64: div, rem
		return costDivide
	case op == 0x91 || op == 0x95 || op == 0x9f || op == 0xa3: // f32, f64: sqrt, div
		return costDivide
	case op >= wasm.OpMemoryInit: // bulk operations
		return costCall
	}
	return costSimple
}

// A bulk says how the length of an operation, on top of the stack, is charged: units = length << up >> down.
type bulk struct{ up, down byte }

// bulkOf returns how an instruction is charged by length, if it is.
func bulkOf(op uint32) (bulk, bool) {
	switch op {
	case wasm.OpMemoryGrow:
		return bulk{up: pageShift}, true
	case wasm.OpMemoryInit, wasm.OpMemoryCopy, wasm.OpMemoryFill:
		return bulk{down: bulkByteShift}, true
	case wasm.OpTableInit, wasm.OpTableCopy, wasm.OpTableFill:
		return bulk{down: bulkElementShift}, true
	}
	return bulk{}, false
}
