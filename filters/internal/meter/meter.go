// Package meter rewrites WebAssembly modules so that they count what they use, stop when it is used up, come back to
// their host every so often, and give the same results on every machine.
//
// wazero has no metering. Its context check costs a tight loop many times its time and sees neither deep recursion nor
// how much was used; and nothing can interrupt machine code from outside. So all that is put into the module itself,
// once, at upload:
//
//   - Fuel. A global counts down. It is charged at the entry of each function, at the head of each loop and where a branch
//     leads to much code, for what then runs, and before bulk operations by their length. What is charged depends on the
//     path taken and on nothing else. If it is below zero at an entry, a loop's head or a bulk operation, the guest calls
//     its host, (weir_host.tick (why i32, left i64) -> i64), which grants another slice or ends the call by a panic. A
//     host that adds what is left to what it has not granted yet bounds the sum exactly, whatever the slices.
//   - Pauses. Bulk operations on much memory are done in pieces, by functions that are added behind the module's own, and
//     tick is called between two of them.
//   - Depth. A second global counts the calls under way, large frames for more. Past the bound, tick is called with
//     another reason and must not return.
//   - Sameness. Arithmetic may answer any NaN (WebAssembly core specification 2.0, section 4.3.3), and processors do;
//     where the bits could be seen, the canonical one is put in its place. What wazero's compiler is known to get wrong
//     on one processor is written so that it does not.
//
// The import comes behind the module's own, so functions are renumbered, in names too. Everything else keeps its index,
// and custom sections are kept.
package meter

import (
	"errors"
	"fmt"

	"weir/filters/internal/wasm"
)

// The import that a metered module has, and what it is called for.
const (
	HostModule = "weir_host"
	TickName   = "tick"

	WhyFuel  = 0 // the slice is used up; the result is the next
	WhyDepth = 1 // calls are nested too deeply; there is no return
	WhyPause = 2 // a piece of a long bulk operation is done; the result is ignored
)

// Exports by which a host sets and reads an instance's counters. Both are 0 in a new instance, so that its start function
// begins by asking for a slice.
const (
	// FuelExport is a mutable i64: what is left of the slice. What the guest uses is taken off at once, also before a
	// trap.
	FuelExport = HostModule + ".fuel"
	// DepthExport is a mutable i32: the depth of calls. The host sets it to 0 before a call.
	DepthExport = HostModule + ".depth"
	// globalExport begins the names of the module's own mutable globals.
	globalExport = HostModule + ".global."
)

// Config says how far a guest may go.
type Config struct {
	// Depth bounds nested calls: a call counts 1, and 1 more for each 1,024 values that its frame may hold. Less than
	// 2,000, at which wazero's interpreter stops by itself, so that all machines stop at the same call.
	Depth int32
	// exact has all code charged where it runs, which costs too much but to compare with.
	exact bool
	// Pages is the most memory that an instance can have. Growing it by more is not charged, as it fails.
	Pages uint32
}

// ErrTableGrow is wrapped for modules that make tables grow, without a bound that anything else would set.
var ErrTableGrow = errors.New("table.grow is not allowed")

// A Result is a metered module.
type Result struct {
	Module []byte
	// Globals are the names under which the module's mutable globals are exported.
	Globals []string
	// Restorable says that memory and Globals are all the state that an instance has: the code changes no table and
	// drops no segment.
	Restorable bool
}

// rewriter holds what is the same for all functions of a module.
type rewriter struct {
	m    *wasm.Module
	cfg  Config
	hook uint32 // index of the tick import: behind the module's own function imports
	// Indices of the added globals: behind the module's own.
	fuel, depth uint32
	hookType    uint32
	mutable     []uint32 // the module's own globals that are to be exported
	restorable  bool
	pieces      pieces
}

// Rewrite returns a metered module that does otherwise the same as m, which wasm.Decode has read without error.
//
// Types are not checked here: everything added leaves the operand stack as it was, so the result is valid if the module
// was, and whoever compiles it finds out. But code that refers to the globals, locals and functions that are added here
// is refused, as it would be valid afterwards.
func Rewrite(m *wasm.Module, cfg Config) (Result, error) {
	globals := uint32(m.ImportedGlobals + m.Globals)
	rw := &rewriter{
		m: m, cfg: cfg, hook: uint32(m.ImportedFunctions), hookType: uint32(len(m.Types)),
		fuel: globals, depth: globals + 1, restorable: true,
		pieces: pieces{signature: uint32(len(m.Types)) + 1, functions: map[string]uint32{}, segments: m.DataLengths},
	}
	module, err := rw.module()
	if err != nil {
		return Result{}, err
	}
	result := Result{Module: module, Restorable: rw.restorable}
	for _, index := range rw.mutable {
		result.Globals = append(result.Globals, globalName(index))
	}
	return result, nil
}

func globalName(index uint32) string { return fmt.Sprint(globalExport, index) }

// functions returns how many functions the module has.
func (rw *rewriter) functions() uint32 { return rw.hook + uint32(len(rw.m.Functions)) }

// function returns the index that a function of the module has in the result.
func (rw *rewriter) function(index uint32) (uint32, error) {
	if index >= rw.functions() {
		return 0, fmt.Errorf("there is no function %d", index)
	}
	if index >= rw.hook {
		index++
	}
	return index, nil
}
