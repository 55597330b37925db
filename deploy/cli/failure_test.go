package cli

import (
	"bytes"
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
