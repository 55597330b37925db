package filters

import (
	"slices"
	"strings"
	"testing"

	wt "weir/filters/internal/wasmtest"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

func explainEvent(t *testing.T, f *Filter, ev []byte, params string) *weirpb.FilterExplanation {
	t.Helper()
	x, err := f.Explain(t.Context(), ev, []byte(params))
	if err != nil {
		t.Fatal(err)
	}
	return x
}

const box = `{"west":0,"south":0,"east":10,"north":10}`

func TestExplain(t *testing.T) {
	f := open(t, newEngine(t, Config{}), viewportModule())
	inside, outside := event(t, `{"lon":5,"lat":5}`), event(t, `{"lon":50,"lat":50}`)
	x := explainEvent(t, f, inside, box)
	if x.GetVerdict() != weirpb.Verdict_VERDICT_MATCH || x.GetMatchFuel() == 0 || x.GetPrepareFuel() == 0 || x.GetFault() != nil {
		t.Errorf("inside: %v", x)
	}
	if x.GetKeyed() && len(x.GetSharedKeys()) == 0 {
		t.Errorf("a match without a key in common: %v", x)
	}
	if x := explainEvent(t, f, outside, box); x.GetVerdict() != weirpb.Verdict_VERDICT_HELD {
		t.Errorf("outside: %v", x)
	}
}

func TestExplainedFuelIsThatOfTheCall(t *testing.T) {
	f := open(t, newEngine(t, Config{}), viewportModule())
	ev := event(t, `{"lon":5,"lat":5}`)
	before := f.Usage().Fuel
	x := explainEvent(t, f, ev, box)
	if f.Usage().Fuel != before {
		t.Error("explaining is counted as use")
	}
	prepared := prepare(t, f, box)
	if used := f.Usage().Fuel - before; used != x.GetPrepareFuel() {
		t.Errorf("prepare used %d, the explanation says %d", used, x.GetPrepareFuel())
	}
	before = f.Usage().Fuel
	matches(t, f, ev, prepared)
	if used := f.Usage().Fuel - before; used != x.GetMatchFuel() {
		t.Errorf("match used %d, the explanation says %d", used, x.GetMatchFuel())
	}
}

func TestExplainTellsOfRefusedParams(t *testing.T) {
	f := open(t, newEngine(t, Config{}), viewportModule())
	for _, params := range []string{`{"west":"no"}`, strings.Repeat(" ", 17<<10)} {
		x := explainEvent(t, f, event(t, "{}"), params)
		if x.GetVerdict() != weirpb.Verdict_VERDICT_FAILED || x.GetFault().GetCode() != string(fault.FilterParams) || x.GetFault().GetMessage() == "" {
			t.Errorf("%v", x)
		}
	}
}

func TestExplainTellsOfFailures(t *testing.T) {
	f := openGuest(t, wt.Guest().With(wt.GuestMatch, wt.Forever(), wt.Const64(0)))
	x := explainEvent(t, f, event(t, "{}"), "")
	if x.GetVerdict() != weirpb.Verdict_VERDICT_FAILED || x.GetFault().GetCode() != string(fault.FilterFailed) ||
		x.GetMatchFuel() != uint64(testLimits.CallFuel+testLimits.GroupFuel) {
		t.Errorf("%v", x)
	}
}

func TestExplainRemembersNothing(t *testing.T) {
	f := openGuest(t, counter(false))
	ev := event(t, "{}")
	for range 3 {
		matches(t, f, ev, nil)
		x := explainEvent(t, f, ev, "")
		shown, err := f.ExplainShown(t.Context(), x, ev, nil)
		if x.GetVerdict() != weirpb.Verdict_VERDICT_HELD || err != nil || string(shown) != nothing || x.GetProjectFuel() == 0 {
			t.Errorf("it remembers: %v, shown %x, %v", x, shown, err)
		}
	}
}

func TestExplainHearsWhatIsSaid(t *testing.T) {
	log, lines := logged()
	g := logging(nil, nil)
	g.Funcs[wt.GuestMatch].Code = wt.Code(
		wt.Const(0), wt.Const('x'), wt.Const(5), wt.Fill(),
		wt.Repeat(5, 2*maxExplainedLog, wt.Const(0), wt.Const(5), wt.Call(0)), wt.Const64(0),
	)
	f := open(t, newEngine(t, Config{Logger: log}), g.Bytes())
	x := explainEvent(t, f, event(t, "{}"), "")
	if len(x.GetLog()) != maxExplainedLog || x.GetLog()[0] != "xxxxx" {
		t.Errorf("the explanation has the lines %q", x.GetLog())
	}
	if n := len(*lines); n > 0 {
		t.Errorf("%d lines went to the log as well", n)
	}
}

func TestSharedKeys(t *testing.T) {
	for _, tc := range []struct{ event, interest, want []uint64 }{
		{nil, nil, []uint64{}},
		{[]uint64{1, 2, 2}, []uint64{2, 3}, []uint64{2}},
		{[]uint64{1}, []uint64{KeyAny}, []uint64{KeyAny}},
		{[]uint64{KeyAny, 3}, []uint64{3}, []uint64{KeyAny, 3}},
		{nil, []uint64{KeyAny}, []uint64{KeyAny}},
		{[]uint64{1}, []uint64{2}, []uint64{}},
	} {
		if got := SharedKeys(tc.event, tc.interest); !slices.Equal(got, tc.want) {
			t.Errorf("%v and %v share %v, want %v", tc.event, tc.interest, got, tc.want)
		}
	}
}
