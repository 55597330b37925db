package cli

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

func TestHelpSaysDefaults(t *testing.T) {
	var out bytes.Buffer
	parser, err := newParser(&grammar{}, &console{out: &out, err: &out})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parse(parser, []string{"dev", "--help"}); !errors.As(err, new(helpShown)) {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(out.String()), " ")
	for _, want := range []string{"(default: localhost:8443) ($WEIR_LISTEN).", "--token-ttl=DURATION", "(default: 1h)."} {
		if !strings.Contains(text, want) {
			t.Errorf("the help lacks %q:\n%s", want, out.String())
		}
	}
}
