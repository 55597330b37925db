package cli

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// writes counts writes.
type writes struct {
	bytes.Buffer
	count int
}

func (w *writes) Write(p []byte) (int, error) {
	w.count++
	return w.Buffer.Write(p)
}

func TestBatchIsOneWrite(t *testing.T) {
	var out writes
	p := linePrinter{con: &console{out: &out}, asJSON: true}
	if err := p.print([]subLine{{Type: "event", Offset: 1}, {Type: "event", Offset: 2}, {Type: "skip", Skipped: 9}}); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(out.String(), "\n"); out.count != 1 || lines != 3 {
		t.Errorf("%d lines in %d writes", lines, out.count)
	}
}

func TestCountCountsEvents(t *testing.T) {
	var out bytes.Buffer
	p := linePrinter{con: &console{out: &out}, asJSON: true, left: 2}
	if err := p.print([]subLine{{Type: "gap"}, {Type: "event", Offset: 1}, {Type: "skip"}}); err != nil {
		t.Fatal(err)
	}
	err := p.print([]subLine{{Type: "leave", Offset: 2}, {Type: "event", Offset: 3}})
	if !errors.Is(err, errEnough) {
		t.Errorf("error %v", err)
	}
	if got := strings.Count(out.String(), "\n"); got != 4 {
		t.Errorf("%d lines, want 4:\n%s", got, out.String())
	}
}
