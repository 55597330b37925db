package filters

import (
	"strings"
	"testing"

	wt "weir/filters/internal/wasmtest"
)

func TestLogIsBoundedAndSampled(t *testing.T) {
	const most = 10
	log, lines := logged()
	e := newEngine(t, Config{Logger: log, Limits: Limits{LogLines: most}})
	// Says "xxx..." 100 times in one call.
	g := logging(nil, nil)
	g.Funcs[wt.GuestMatch].Code = wt.Code(
		wt.Const(0), wt.Const('x'), wt.Const(1000), wt.Fill(),
		wt.Repeat(5, 100, wt.Const(0), wt.Const(1000), wt.Call(0)), wt.Const64(0),
	)
	dropped := 0
	shared := &Lines{Dropped: func() { dropped++ }}
	shared.SetMost(1000)
	f := openFor(t, e, g.Bytes(), Terms{Lines: shared})
	matches(t, f, event(t, "{}"), nil)
	if dropped != 90 {
		t.Errorf("%d lines were dropped", dropped)
	}
	if len(*lines) != most {
		t.Errorf("%d lines", len(*lines))
	}
	for _, line := range *lines {
		if !strings.HasPrefix(line, "DEBUG") || strings.Count(line, "x") < maxLogBytes || strings.Count(line, "x") > maxLogBytes+1 {
			t.Errorf("logged %q", line)
		}
	}
}

func TestReadableText(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "",
		" plain ":                "plain",
		"two\nlines\x00":         "two lines",
		"\xff\xfe":               "",
		"Zürich":                 "Zürich",
		strings.Repeat("ü", 300): strings.Repeat("ü", 255) + "...",
	} {
		if got := readable([]byte(text)); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}
