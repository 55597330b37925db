package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"connectrpc.com/connect"
	"github.com/alecthomas/kong"

	"weir/hub/api/apifault"
	"weir/proto/fault"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
	// exitUnknown is for what may or may not have been done: there was no answer.
	exitUnknown = 3
	// exitInterrupted is for a command that a signal has ended before it was done: what shells say of SIGINT.
	exitInterrupted = 130
)

// errInterrupted is what ends a command to which a signal has come.
var errInterrupted = errors.New("interrupted")

// A failure is an error with advice, as the command line shows it.
type failure struct {
	err   error
	hint  string
	usage bool // the command line itself is wrong
	code  int  // to exit with; 0: as any other
	// unreachable is whether a server was not reached, so that nothing was done.
	unreachable bool
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// failf returns an error that carries a hint; it may be empty. The format is that of fmt.Errorf.
func failf(hint, format string, args ...any) error {
	return &failure{err: fmt.Errorf(format, args...), hint: hint}
}

// usagef returns an error that says the command line is wrong.
func usagef(hint, format string, args ...any) error {
	return &failure{err: fmt.Errorf(format, args...), hint: hint, usage: true}
}

// usageFrom turns kong's complaint into ours: it knows which command was meant.
func usageFrom(bad *kong.ParseError) error {
	var ours *failure
	if errors.As(bad, &ours) {
		return ours
	}
	command := "weir"
	if bad.Context != nil {
		if node := bad.Context.Selected(); node != nil {
			command = strings.TrimSpace("weir " + node.Path())
		}
	}
	return usagef(command+" --help", "%s", strings.TrimPrefix(bad.Error(), "error: "))
}

// interrupted returns err as it is to be told where a signal has ended the command: as its consequence, unless the command
// has seen to that itself.
func interrupted(ctx context.Context, err error) error {
	var f *failure
	if ctx.Err() == nil || errors.As(err, &f) && f.code != 0 ||
		!errors.Is(err, context.Canceled) && !errors.Is(err, context.Cause(ctx)) {
		return err
	}
	_, hint := describe(err)
	return &failure{err: errInterrupted, hint: hint, code: exitInterrupted}
}

func exitCode(err error) int {
	var f *failure
	switch {
	case !errors.As(err, &f):
		return exitFailed
	case f.usage:
		return exitUsage
	case f.code != 0:
		return f.code
	}
	return exitFailed
}

// describe splits err into the sentence and the advice that people are shown. A fault within is told by its message:
// its code is for programs.
func describe(err error) (sentence, hint string) {
	var f *failure
	if errors.As(err, &f) {
		hint = f.hint
	}
	sentence = err.Error()
	var remote *connect.Error
	var refused *fault.Fault
	switch {
	case errors.As(err, &remote):
		refused = apifault.Decode(remote)
		sentence = strings.Replace(sentence, remote.Error(), refused.Message, 1)
	case errors.As(err, &refused):
		sentence = strings.Replace(sentence, refused.Error(), tell(refused), 1)
	default:
		return sentence, hint
	}
	return sentence, firstNonEmpty(hint, refused.Hint)
}

// tell returns a fault's message; of an internal one, which has a message for strangers, also the cause.
func tell(f *fault.Fault) string {
	if f.Cause != nil && f.Code == fault.Internal {
		return f.Message + ": " + f.Cause.Error()
	}
	return f.Message
}

func firstNonEmpty(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}

// printFailure tells a person what went wrong and what to do about it.
func (c *console) printFailure(err error) {
	sentence, hint := describe(err)
	fmt.Fprintf(c.err, "%s %s\n", c.errStyle(red, "weir:"), sentence)
	if hint != "" {
		fmt.Fprintf(c.err, "%s %s\n", c.errStyle(dim, "hint:"), hint)
	}
}

// printFailureJSON is printFailure for programs. The code is that of proto/SPEC.md where a server has refused, else "usage" or
// "failed".
func (c *console) printFailureJSON(err error) {
	sentence, hint := describe(err)
	f := failureView{Code: "failed", Message: sentence, Hint: hint, Exit: exitCode(err)}
	var own *failure
	var remote *connect.Error
	var refused *fault.Fault
	switch {
	case errors.As(err, &own) && own.unreachable:
		f.Code, f.Retryable = string(fault.Unavailable), true
	case f.Exit == exitUsage:
		f.Code = "usage"
	case f.Exit == exitInterrupted:
		f.Code = "interrupted"
	case f.Exit == exitUnknown:
		f.Code, f.Retryable = string(fault.Timeout), true
	case errors.As(err, &remote):
		refused = apifault.Decode(remote)
	case errors.As(err, &refused):
	}
	if refused != nil {
		f.Code, f.Retryable, f.RetryAfterMs = string(refused.Code), refused.Code.Retryable(), refused.RetryAfter.Milliseconds()
	}
	line, err := json.Marshal(f)
	if err != nil { // of strings, numbers and booleans: it can't be
		return
	}
	fmt.Fprintf(c.err, "%s\n", line)
}

// failureView is a failure in JSON.
type failureView struct {
	Code         string `json:"code"`
	Message      string `json:"message"`
	Hint         string `json:"hint,omitempty"`
	Retryable    bool   `json:"retryable"`
	RetryAfterMs int64  `json:"retry_after_ms,omitempty"`
	Exit         int    `json:"exit"`
}

// outputIsClosed reports whether err is that nobody reads standard output any more.
func outputIsClosed(err error) bool {
	var at *os.PathError
	return errors.As(err, &at) && at.Path == os.Stdout.Name() && errors.Is(at.Err, syscall.EPIPE)
}

// isClosedOutput reports whether err only says that nobody reads any more what a command prints.
func isClosedOutput(err error) bool {
	return errors.Is(err, syscall.EPIPE) || errors.Is(err, os.ErrClosed) || errors.Is(err, io.ErrClosedPipe)
}
