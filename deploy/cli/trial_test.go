package cli

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"weir/deploy/cli/internal/project"
	"weir/edge/edgeclient"
	"weir/filters/examples"
)

// writeTrial writes a project whose compiler copies a file.
func writeTrial(t *testing.T, dir string, example examples.Example, params string) {
	t.Helper()
	config := "name: x\nmodule: x.wasm\ncommand: [cp, source, x.wasm]\nparams: " + params + "\n"
	for name, text := range map[string][]byte{"source": example.Module, project.File: []byte(config)} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWatchedTrialFollowsTheSource(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	dir := t.TempDir()
	writeTrial(t, dir, examples.Expr(), `{expr: "1 == 1"}`)
	p, err := project.Load(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	con := &console{out: &out, err: &out}
	log := slog.New(slog.DiscardHandler)
	trial, err := newTrial(t.Context(), p, "", con, log)
	if err != nil {
		t.Fatal(err)
	}
	defer trial.close()
	says := func() (match bool) {
		line := &trialLine{}
		message := edgeclient.Message{Type: edgeclient.Event, Channel: "flights", Payload: []byte(`{"lon":50,"lat":50}`)}
		trial.decide(t.Context(), &message, line)
		if line.Match == nil {
			t.Fatal(line.Error)
		}
		return *line.Match
	}
	if !says() {
		t.Fatal("the first filter says no")
	}
	stop := trial.watch(t.Context(), con, log)
	defer stop()
	writeTrial(t, dir, examples.Viewport(), `{west: 0, south: 0, east: 1, north: 1}`)
	deadline := time.After(time.Minute)
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for says() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatal("the filter does not change")
		}
	}
}

func TestTrialLines(t *testing.T) {
	yes, no := true, false
	con := &console{}
	message := edgeclient.Message{Type: edgeclient.Event, Cursor: edgeclient.Cursor{Offset: 7}, Payload: []byte("hi")}
	for _, test := range []struct {
		line trialLine
		want string
	}{
		{trialLine{Match: &yes}, "yes        7 00:00:00.000 event    hi\n"},
		{trialLine{Match: &no}, "no         7 00:00:00.000 event    hi\n"},
		{trialLine{Match: &yes, Projection: "h"}, "yes        7 00:00:00.000 event    hi\n      shown as h\n"},
		{trialLine{Error: "it trapped"}, "error      7 00:00:00.000 event    hi\n      it trapped\n"},
	} {
		test.line.subLine = lineOf(&message)
		var text bytes.Buffer
		test.line.appendText(&text, con)
		if text.String() != test.want {
			t.Errorf("%q, want %q", text.String(), test.want)
		}
	}
}
