package filters

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"weir/proto/fault"
)

// errDepth ends a call that has nested too many others.
var errDepth = errors.New("it called itself too deeply")

// errLogRange ends a call that logs what isn't in its memory.
var errLogRange = errors.New("weir.log was given text outside of the memory")

// errClosed is the cause of faults of a filter or engine that is closed.
var errClosed = errors.New("closed")

// A fuelError ends a call that needs more than it may use.
type fuelError struct{ limit int64 }

func (e *fuelError) Error() string { return fmt.Sprintf("it used up its fuel of %d", e.limit) }

// An overrunError ends a call that takes too long.
type overrunError struct{ limit time.Duration }

func (e *overrunError) Error() string { return fmt.Sprintf("it ran longer than %v", e.limit) }

// A nonsenseError is an answer that ABI.md doesn't allow.
type nonsenseError struct{ what string }

func (e *nonsenseError) Error() string { return e.what }

func nonsense(format string, args ...any) error {
	return &nonsenseError{what: fmt.Sprintf(format, args...)}
}

// A refusalError is an error that the guest itself returned.
type refusalError struct{ text string }

func (e *refusalError) Error() string { return e.text }

// failed returns the fault for a call of export that went wrong.
func failed(export string, err error) *fault.Fault {
	what, hint := explain(err)
	return fault.New(fault.FilterFailed, "the filter failed in %s: %s%s", export, what, trace(err)).WithHint("%s", hint).WithCause(err)
}

// explain says in a sentence what went wrong in a guest, and what its author can do about it.
func explain(err error) (what, hint string) {
	var fuel *fuelError
	var overrun *overrunError
	var bad *nonsenseError
	var refusal *refusalError
	var exit *exitError
	switch {
	case errors.As(err, &fuel):
		return fuel.Error(), "bound its loops by the size of their input"
	case errors.As(err, &overrun):
		return overrun.Error(), "it waits for memory most of the time: keep what it works on close together"
	case errors.Is(err, errDepth):
		return errDepth.Error(), "bound its recursion, or use a loop"
	case errors.Is(err, errLogRange):
		return errLogRange.Error(), ""
	case errors.As(err, &bad):
		return bad.Error(), "ABI.md says what is expected"
	case errors.As(err, &exit):
		return exit.Error(), "Go exits with code 2 after a panic; what it says about that is in the log, at debug level"
	case errors.As(err, &refusal):
		return fmt.Sprintf("it says %q", refusal.text), ""
	}
	return trap(err)
}

// trap explains a trap of the machine by wazero's text, of which the first line says what and the rest says where.
func trap(err error) (what, hint string) {
	what, _, _ = strings.Cut(err.Error(), "\n")
	if _, after, ok := strings.Cut(what, "wasm error: "); ok {
		what = after
	}
	what = strings.TrimSuffix(what, " (recovered by wazero)")
	switch what {
	case "unreachable":
		hint = "a panic, a failed assertion or an explicit trap of its own"
	case "integer divide by zero", "integer overflow", "invalid conversion to integer":
		hint = "check numbers before they are divided or converted"
	case "out of bounds memory access":
		hint = "it read or wrote beyond its memory"
	case "stack overflow":
		hint = "bound its recursion, or use a loop"
	}
	return "it trapped: " + what, hint
}

// unavailable returns the fault for work that was not begun.
func unavailable(ctx context.Context, what string) *fault.Fault {
	return fault.New(fault.Unavailable, "%s", what).WithCause(context.Cause(ctx))
}

// readable makes a guest's text fit to be shown: valid, bounded, on one line.
func readable(text []byte) string {
	cut := len(text) > maxGuestText
	if cut {
		text = text[:maxGuestText]
		for len(text) > 0 && !utf8.RuneStart(text[len(text)-1]) {
			text = text[:len(text)-1]
		}
		if len(text) > 0 {
			text = text[:len(text)-1]
		}
	}
	s := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return ' '
		}
		return r
	}, string(text))
	if s = strings.TrimSpace(s); cut {
		s += "..."
	}
	return s
}
