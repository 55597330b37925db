package wasm

import "fmt"

// maxEffort bounds the sum over all functions of the square of their branches: some 10 s of compiling. Filters in Rust
// and C have one or two million, a Go program with encoding/json in it 74 million.
const maxEffort = 300_000_000

// An EffortError is returned for modules that would take too long to compile.
type EffortError struct {
	Function int // index of the function with the most branches
	Branches int
}

func (e *EffortError) Error() string {
	return fmt.Sprintf("it would take too long to compile: function %d alone has some %d branches", e.Function, e.Branches)
}

// CheckEffort refuses modules that take a compiler too long. wazero's takes time in proportion to the square of a
// function's branches: 24 KB with 8,000 loops in one function keep it busy for half a minute. Bulk operations and calls
// count too: metering adds a branch to the former, and to loops, and what lives across the latter has to be kept.
func (m *Module) CheckEffort() error {
	effort, worst := 0, EffortError{}
	for i, body := range m.Bodies {
		branches, err := m.branches(body)
		if err != nil {
			return fmt.Errorf("in the code of function %d: %w", m.ImportedFunctions+i, err)
		}
		effort += branches * branches
		if branches > worst.Branches {
			worst = EffortError{Function: m.ImportedFunctions + i, Branches: branches}
		}
		// Here and not after the loop, so that the sum can't overflow: a body has at most MaxBodyBytes.
		if effort > maxEffort {
			return &worst
		}
	}
	return nil
}

// branches counts a function's branches, weighted.
func (m *Module) branches(body Body) (n int, err error) {
	r := m.Code(body)
	for r.More() {
		switch in := r.Instruction(); in.Op {
		case OpLoop:
			n += 4
		case OpCall, OpCallIndirect, OpMemoryInit, OpMemoryCopy, OpMemoryFill, OpTableInit, OpTableCopy, OpTableFill:
			n += 2
		case OpBlock, OpIf, OpElse, OpBr, OpBrIf:
			n++
		case OpBrTable:
			n += in.Targets
		}
	}
	return n, r.Err()
}

// Code returns a reader of a function's instructions.
func (m *Module) Code(body Body) *Reader {
	r := NewReader(m.Data, body.Start, body.End)
	for range r.U32() {
		r.U32()
		r.Byte()
	}
	return r
}
