package cli

import (
	"context"
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
)

// A failure is an error with advice, as the command line shows it.
type failure struct {
	err   error
	hint  string
	usage bool // the command line itself is wrong
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

func exitCode(err error) int {
	var f *failure
	if errors.As(err, &f) && f.usage {
		return exitUsage
	}
	return exitFailed
}

// describe splits err into the sentence and the advice that people are shown.
func describe(err error) (sentence, hint string) {
	var f *failure
	if errors.As(err, &f) && f.hint != "" {
		hint = f.hint
	}
	var remote *connect.Error
	if errors.As(err, &remote) {
		return describeFault(apifault.Decode(remote), hint)
	}
	var refused *fault.Fault
	if errors.As(err, &refused) {
		return describeFault(refused, hint)
	}
	return err.Error(), hint
}

func describeFault(f *fault.Fault, hint string) (sentence, advice string) {
	sentence = f.Message
	// An internal fault's message is for strangers. Here the cause may be told.
	if f.Cause != nil && f.Code == fault.Internal {
		sentence += ": " + f.Cause.Error()
	}
	return sentence, firstNonEmpty(hint, f.Hint)
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

// isQuietEnd reports whether err only says that nobody reads any more, or that the user asked to stop.
func isQuietEnd(ctx context.Context, err error) bool {
	if errors.Is(err, syscall.EPIPE) || errors.Is(err, os.ErrClosed) || errors.Is(err, io.ErrClosedPipe) {
		return true
	}
	return ctx.Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded))
}
