package fanout

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
)

func TestAnOutageIsTwoLines(t *testing.T) {
	var said strings.Builder
	log := slog.New(slog.NewTextHandler(&said, nil))
	o := outage{log: log}
	for range 3 {
		said.Reset()
		for range 1000 {
			o.begin(log.With("channel", "chat"), errors.New("the hub is gone"))
		}
		if text := said.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "the hub is gone") {
			t.Fatalf("at first:\n%s", text)
		}
		for range 1000 {
			o.end()
		}
		if text := said.String(); strings.Count(text, "\n") != 2 || !strings.Contains(text, "were_lost=1000") {
			t.Fatalf("in the end:\n%s", text)
		}
	}
}
