// Package fault is how weir says no: errors with a stable code, a sentence, a hint and whether to try again, the same
// inside, on the wire, in the clients and on the command line.
package fault

import (
	"errors"
	"fmt"
	"time"

	"weir/proto/weirpb"
)

// A Fault is an error that may cross a wire. Its message and hint never contain secrets or payloads.
type Fault struct {
	Code    Code
	Message string
	// Hint says what to do about it; may be empty.
	Hint string
	// RetryAfter is how long to wait before trying again; 0 leaves it to the client's backoff. It means nothing where
	// the code is not retryable.
	RetryAfter time.Duration
	// Cause stays on this side of the wire, for logs and errors.Is.
	Cause error
}

// New returns a Fault with a message in the manner of fmt.Sprintf.
func New(code Code, format string, args ...any) *Fault {
	return &Fault{Code: code, Message: fmt.Sprintf(format, args...)}
}

// WithHint returns a copy of f with a hint.
func (f *Fault) WithHint(format string, args ...any) *Fault {
	g := *f
	g.Hint = fmt.Sprintf(format, args...)
	return &g
}

// WithCause returns a copy of f that wraps err.
func (f *Fault) WithCause(err error) *Fault {
	g := *f
	g.Cause = err
	return &g
}

// WithRetryAfter returns a copy of f that asks for a wait of d.
func (f *Fault) WithRetryAfter(d time.Duration) *Fault {
	g := *f
	g.RetryAfter = d
	return &g
}

// Error returns code, message and hint, for people. The cause is left to logs: it may name what a client must not see.
func (f *Fault) Error() string {
	if f.Hint == "" {
		return fmt.Sprintf("%s: %s", f.Code, f.Message)
	}
	return fmt.Sprintf("%s: %s (%s)", f.Code, f.Message, f.Hint)
}

// Unwrap returns the cause.
func (f *Fault) Unwrap() error { return f.Cause }

// Is reports whether target is a Fault with the same code, so that errors.Is(err, fault.New(fault.Busy, "")) works.
func (f *Fault) Is(target error) bool {
	t, ok := target.(*Fault)
	return ok && t.Code == f.Code
}

// From returns err as a Fault: the one that it wraps, or an Internal one that hides it from clients.
func From(err error) *Fault {
	if err == nil {
		return nil
	}
	var f *Fault
	if errors.As(err, &f) {
		return f
	}
	return New(Internal, "something went wrong inside the relay").WithCause(err)
}

// CodeOf returns the code of the Fault that err wraps, Internal for other errors, "" for nil.
func CodeOf(err error) Code {
	if f := From(err); f != nil {
		return f.Code
	}
	return ""
}

// ToProto returns the form that crosses a wire.
func (f *Fault) ToProto() *weirpb.Fault {
	if f == nil {
		return nil
	}
	return &weirpb.Fault{
		Code: string(f.Code), Message: f.Message, Hint: f.Hint,
		Retryable: f.Code.Retryable(), RetryAfterMs: uint32(f.RetryAfter.Milliseconds()),
	}
}

// FromProto returns what came over a wire, nil for nil.
func FromProto(p *weirpb.Fault) *Fault {
	if p == nil {
		return nil
	}
	return &Fault{
		Code: Code(p.GetCode()), Message: p.GetMessage(), Hint: p.GetHint(),
		RetryAfter: time.Duration(p.GetRetryAfterMs()) * time.Millisecond,
	}
}
