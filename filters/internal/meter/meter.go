// Package meter rewrites WebAssembly modules so that they count what they use, stop when it is used up, and give the
// same results on every machine.
//
// wazero has no metering. Its context check costs a tight loop many times its time and sees neither deep recursion nor
// how much was used. So the counting is put into the module itself, once, at upload:
//
//   - Fuel. A global counts down. It is charged at the entry of each function and at the head of each loop for all the
//     instructions that can run until the next such place, each at most once, and before bulk operations by their
//     length. Below zero the module traps. What is charged depends on the path taken and on nothing else.
//   - Depth. A second global counts the calls under way, large frames for more, and traps past MaxDepth.
//   - Sameness. Arithmetic may answer any NaN (WebAssembly core specification 2.0, section 4.3.3), and processors do;
//     where the bits could be seen, the canonical one is put in its place. What wazero's compiler is known to get wrong
//     on one processor is written so that it does not.
//
// Indexes of types, functions, tables, memories and data stay what they were, and custom sections are kept: only two
// globals, two exports and some locals are added, each at the end of its kind.
package meter

import (
	"errors"
	"fmt"
)

// Names of the exports by which a host sets and reads the counters of an instance.
const (
	// FuelExport is a mutable i64: what is left. The host sets it before a call; below zero after a trap, the fuel
	// ran out.
	FuelExport = "weir:fuel"
	// DepthExport is a mutable i32: the depth of calls. The host sets it to 0 before a call; above MaxDepth after a
	// trap, the calls were nested too deeply.
	DepthExport = "weir:depth"
)

// MaxDepth bounds nested calls: a call counts 1, and 1 more for each 1,024 values that its frame may hold. That is below
// the 2,000 frames at which wazero's interpreter stops and far below the 400 MB at which its compiler does, so that all
// machines stop at the same call; frames of 8 MiB in all are no burden.
const MaxDepth = 1024

var (
	// ErrMalformed is wrapped by the errors for bytes that are no module.
	ErrMalformed = errors.New("malformed module")
	// ErrRefused is wrapped by the errors for modules that are well-formed, but use what can't be metered.
	ErrRefused = errors.New("refused")
)

func malformed(at int, format string, args ...any) error {
	return fmt.Errorf("%w: at byte %d: %s", ErrMalformed, at, fmt.Sprintf(format, args...))
}

func refused(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrRefused, fmt.Sprintf(format, args...))
}

// Rewrite returns a metered copy of module. An instance begins with start units of fuel, which its start function, if it
// has one, runs on; calls run on what the host sets before them.
//
// It expects module to be valid: it checks the form of what it reads, but types only as far as it has to, so validate a
// module before and compile what comes back. The result is at most a small multiple of module in length. Errors wrap
// ErrMalformed or ErrRefused.
func Rewrite(module []byte, start int64) ([]byte, error) {
	m, err := parseModule(module)
	if err != nil {
		return nil, err
	}
	m.start = start
	return m.rewrite()
}
