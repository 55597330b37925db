// Package yield rewrites modules so that they can be stopped: a guest counts what it runs, and reports to its host
// before it has run much more than a slice of instructions or calls itself too deeply.
//
// Machine code made from a WebAssembly module can't be interrupted from outside: Go's scheduler and garbage collector
// wait for it, and wazero's own check of a context is made at loop heads only, where it costs several times the loop. So
// a rewritten module has two more globals, ticks and depth, and one more import, (weir_host.tick (why i32) -> i32):
//
//   - At the entry of each function and at each loop head, ticks are lessened by the number of instructions up to the
//     next such place; bulk operations on memories and tables cost their length as well. Below zero, tick(WhyTicks) is
//     called; what it returns is how many ticks follow.
//   - A call of a function that itself calls lessens depth and gives it back afterwards. At zero, tick(WhyDepth) is
//     called instead; it must not return.
//
// The result also exports the module's mutable globals, so that the host can put an instance back to its beginnings.
//
// The module must have been read by wasm.Decode without error. Its types are not checked here: everything added leaves
// the operand stack as it was, so the result is valid if the module was, and whoever compiles it finds out. But code
// that refers to the globals, locals and functions that are added here is refused, as it would be valid afterwards.
package yield

import (
	"errors"
	"fmt"

	"weir/filters/internal/wasm"
)

// The import that a rewritten module has.
const (
	HostModule = "weir_host"
	TickName   = "tick"
)

// What tick is called for.
const (
	WhyTicks = 0
	WhyDepth = 1
)

// Config says how far a guest may go.
type Config struct {
	// Slice is how many ticks an instance begins with.
	Slice int32
	// Depth is how many calls may be nested.
	Depth int32
}

// ErrTableGrow is wrapped for modules that make tables grow, without a bound that anything else would set.
var ErrTableGrow = errors.New("table.grow is not allowed")

// A Result is a rewritten module.
type Result struct {
	Module []byte
	// Globals are the names under which the module's mutable globals are exported.
	Globals []string
	// Restorable says that memory and Globals are all the state that an instance has: the code changes no table and
	// drops no segment.
	Restorable bool
}

// globalPrefix begins the names of added exports.
const globalPrefix = HostModule + ".global."

// rewriter holds what is the same for all functions of a module.
type rewriter struct {
	m    *wasm.Module
	cfg  Config
	hook uint32 // index of the tick import: after the module's own function imports
	// Indices of the added globals: after the module's own.
	ticks, depth uint32
	hookType     uint32
	leaf         []bool   // by defined function: it calls nothing
	mutable      []uint32 // the module's own globals that are to be exported
	restorable   bool
}

// Rewrite returns a module that does the same as m and counts. Custom sections are dropped.
func Rewrite(m *wasm.Module, cfg Config) (Result, error) {
	globals := uint32(m.ImportedGlobals + m.Globals)
	rw := &rewriter{
		m: m, cfg: cfg, hook: uint32(m.ImportedFunctions), hookType: uint32(len(m.Types)),
		ticks: globals, depth: globals + 1, restorable: true,
	}
	if err := rw.findLeaves(); err != nil {
		return Result{}, err
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

func globalName(index uint32) string { return fmt.Sprint(globalPrefix, index) }

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

// findLeaves finds the functions that call nothing: calls of them need not be counted for depth.
func (rw *rewriter) findLeaves() error {
	rw.leaf = make([]bool, len(rw.m.Bodies))
	for i, body := range rw.m.Bodies {
		r := rw.m.Code(body)
		leaf := true
		for r.More() {
			in := r.Instruction()
			if in.Op == wasm.OpCall && in.Index >= rw.hook || in.Op == wasm.OpCallIndirect {
				leaf = false
			}
		}
		if err := r.Err(); err != nil {
			return fmt.Errorf("in the code of function %d: %w", int(rw.hook)+i, err)
		}
		rw.leaf[i] = leaf
	}
	return nil
}
