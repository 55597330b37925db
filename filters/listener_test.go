package filters

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	wt "weir/filters/internal/wasmtest"
)

// heard is a Listener that notes what it is told.
type heard struct {
	said    []string
	leftOut int
}

func (h *heard) Said(channel, text string) {
	h.said = append(h.said, fmt.Sprintf("%s: %s", channel, text))
}
func (h *heard) LeftOut() { h.leftOut++ }

func TestListenersHearEveryLine(t *testing.T) {
	e := newEngine(t, Config{Limits: Limits{LogLines: 3}})
	g := logging(nil, nil)
	g.Funcs[wt.GuestMatch].Code = wt.Code(
		wt.Const(0), wt.Const('x'), wt.Const(2), wt.Fill(),
		wt.Repeat(5, 10, wt.Const(0), wt.Const(2), wt.Call(0)), wt.Const64(0),
	)
	h := &heard{}
	f := openFor(t, e, g.Bytes(), Terms{Listener: h})
	matches(t, f, event(t, "{}"), nil)
	if want := []string{"flights: xx", "flights: xx", "flights: xx"}; !slices.Equal(h.said, want) || h.leftOut != 7 {
		t.Errorf("heard was %s, and %d lines were left out; want %s and 7", strings.Join(h.said, ", "), h.leftOut, want)
	}
	if _, err := f.Explain(t.Context(), event(t, "{}"), nil); err != nil || len(h.said)+h.leftOut != 10 {
		t.Errorf("an explanation is heard, or failed: %v", err)
	}
}

func TestWhatIsAskedOnceMoreIsNotHeardTwice(t *testing.T) {
	e := newEngine(t, Config{})
	g := logging(wt.Const(0), wt.Const(2))
	h := &heard{}
	f := openFor(t, e, g.Bytes(), Terms{Listener: h})
	matches(t, f, event(t, "{}"), nil)
	before := len(h.said)
	var set Set
	set.Add(nil)
	verdicts := NewBitmap(1)
	sample := &Sample{}
	sample.Take(event(t, "{}"), &set, verdicts, 0)
	if _, err := f.Recheck(t.Context(), sample); err != nil {
		t.Fatal(err)
	}
	if before == 0 || len(h.said) != before {
		t.Errorf("heard was %d times, then %d", before, len(h.said))
	}
}
