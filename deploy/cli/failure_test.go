package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	"weir/hub/api/apifault"
	"weir/proto/fault"
)

func TestFailuresAreASentenceAndAHint(t *testing.T) {
	unknown := fault.New(fault.NamespaceUnknown, "there is no namespace chat").WithHint("weir namespace create chat")
	for _, test := range []struct {
		name string
		err  error
		want string
		code int
	}{
		{"plain", errors.New("it broke"), "weir: it broke\n", exitFailed},
		{"hint", failf("try again", "it broke"), "weir: it broke\nhint: try again\n", exitFailed},
		{"usage", usagef("weir --help", "what?"), "weir: what?\nhint: weir --help\n", exitUsage},
		{"fault", unknown, "weir: there is no namespace chat\nhint: weir namespace create chat\n", exitFailed},
		{"fault in context", fmt.Errorf("line 3: %w", unknown), "weir: line 3: there is no namespace chat\nhint: weir namespace create chat\n", exitFailed},
		{"fault with our hint", failf("ours", "open: %w", unknown), "weir: open: there is no namespace chat\nhint: ours\n", exitFailed},
		{"fault from the API", fmt.Errorf("call: %w", apifault.Encode(unknown)), "weir: call: there is no namespace chat\nhint: weir namespace create chat\n", exitFailed},
		{"internal", fault.From(errors.New("disk on fire")), "weir: something went wrong inside the relay: disk on fire\n", exitFailed},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out bytes.Buffer
			con := &console{err: &out}
			con.printFailure(test.err)
			if got := out.String(); got != test.want {
				t.Errorf("got  %qwant %q", got, test.want)
			}
			if code := exitCode(test.err); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
		})
	}
}

func TestColourOnlyOnATerminal(t *testing.T) {
	for _, test := range []struct {
		terminal, noColour bool
		want               string
	}{
		{false, false, "x"}, {true, true, "x"}, {true, false, "\x1b[31mx\x1b[0m"},
	} {
		con := &console{errTerminal: test.terminal, noColour: test.noColour}
		if got := con.errStyle(red, "x"); got != test.want {
			t.Errorf("terminal %t, NO_COLOR %t: %q", test.terminal, test.noColour, got)
		}
	}
}

// TestASignalIsToldAsSuch has commands fail because of a signal, beside one, and without one.
func TestASignalIsToldAsSuch(t *testing.T) {
	stopped, stop := context.WithCancelCause(context.Background())
	signalled := errors.New("terminated signal received")
	stop(signalled)
	known := &failure{err: errInterrupted, code: exitUnknown}
	for _, test := range []struct {
		name string
		ctx  context.Context
		err  error
		code int
		want string
	}{
		{"the context's error", stopped, fmt.Errorf("call: %w", context.Canceled), exitInterrupted, "interrupted"},
		{"its cause", stopped, fmt.Errorf("call: %w", signalled), exitInterrupted, "interrupted"},
		{"said by the command", stopped, known, exitUnknown, "interrupted"},
		{"beside it", stopped, errors.New("it broke"), exitFailed, "it broke"},
		{"none", context.Background(), context.Canceled, exitFailed, "context canceled"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if err := interrupted(test.ctx, test.err); err.Error() != test.want || exitCode(err) != test.code {
				t.Errorf("%v with exit code %d, want %s with %d", err, exitCode(err), test.want, test.code)
			}
		})
	}
	_, hint := describe(interrupted(stopped, (&apiClient{}).explain(context.Canceled)))
	if hint != noAnswerHint {
		t.Errorf("hint %q", hint)
	}
}
