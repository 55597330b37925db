package filters

import (
	"fmt"
	"testing"

	wt "weir/filters/internal/wasmtest"
)

// sampled matches an event for a set and returns the call as a sample.
func sampled(t *testing.T, f *Filter, ev []byte, set *Set, turn uint64) *Sample {
	t.Helper()
	verdicts := NewBitmap(set.Slots())
	if err := f.Match(t.Context(), ev, set, verdicts); err != nil {
		t.Fatal(err)
	}
	s := &Sample{}
	s.Take(ev, set, verdicts, turn)
	return s
}

func recheck(t *testing.T, f *Filter, s *Sample) *Discrepancy {
	t.Helper()
	found, err := f.Recheck(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestRecheckCatchesMemoryOfEarlierCalls(t *testing.T) {
	f := openGuest(t, counter(false)) // says yes from the second call on
	ev := event(t, "{}")
	var set Set
	set.Add(nil)
	if found := recheck(t, f, sampled(t, f, ev, &set, 0)); found != nil {
		t.Errorf("the first call is no different, and is told as %+v", found)
	}
	found := recheck(t, f, sampled(t, f, ev, &set, 0))
	if found == nil || found.Said != "match" || found.Again != "held" || len(found.Group) != 12 {
		t.Errorf("the second call remembers the first, and is told as %+v", found)
	}
}

func TestRecheckAgreesWithPureFilters(t *testing.T) {
	f := open(t, newEngine(t, Config{}), viewportModule())
	set, _ := boxes(t, f, 300)
	for i := range 50 {
		ev := event(t, fmt.Sprintf(`{"lon":%d,"lat":%d}`, i*37%360-180, i*23%180-90))
		if found := recheck(t, f, sampled(t, f, ev, set, uint64(i))); found != nil {
			t.Errorf("event %d: %+v", i, found)
		}
	}
}

func TestRecheckKnowsWhatKeysRuleOut(t *testing.T) {
	yes := [][]byte{wt.LocalGet(4), wt.Const64(-1), wt.Store64(), wt.LocalGet(4), wt.Const(8), wt.Add(), wt.Const64(-1), wt.Store64(), wt.Const64(0)}
	f := openGuest(t, wt.Guest().With(wt.GuestMatch, yes...).WithKeys(wt.Const64(wt.Result(wt.PrivateAt, 0))))
	ev := event(t, "{}")
	var set Set
	for range indexedFrom {
		set.AddInterested(nil, nil)
	}
	if found := recheck(t, f, sampled(t, f, ev, &set, 0)); found != nil {
		t.Errorf("groups without keys are not asked about, which is told as %+v", found)
	}
}

func TestSamplesTakeTurns(t *testing.T) {
	f := open(t, newEngine(t, Config{}), viewportModule())
	set, _ := boxes(t, f, 3*sampleGroups)
	set.Remove(sampleGroups)
	seen := map[string]int{}
	for turn := range uint64(3) {
		s := sampled(t, f, event(t, "{}"), set, turn)
		if n := len(s.said); n != sampleGroups {
			t.Errorf("turn %d is about %d groups", turn, n)
		}
		for i := range s.said {
			seen[string(s.prepared(i))]++
		}
	}
	if len(seen) < 3*sampleGroups/2 {
		t.Errorf("three turns saw %d different groups", len(seen))
	}
}

func TestTakingASampleReusesItsMemory(t *testing.T) {
	f := open(t, newEngine(t, Config{}), viewportModule())
	set, _ := boxes(t, f, 100)
	verdicts := NewBitmap(set.Slots())
	ev := event(t, "{}")
	s := &Sample{}
	s.Take(ev, set, verdicts, 0)
	turn := uint64(0)
	if n := testing.AllocsPerRun(100, func() { turn++; s.Take(ev, set, verdicts, turn%2) }); n > 0 {
		t.Errorf("taking a sample allocates %v times", n)
	}
}

func TestRecheckOfAClosedFilter(t *testing.T) {
	e := newEngine(t, Config{})
	f, err := e.Open(t.Context(), viewportModule())
	if err != nil {
		t.Fatal(err)
	}
	set, _ := boxes(t, f, 1)
	s := sampled(t, f, event(t, "{}"), set, 0)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if found, err := f.Recheck(t.Context(), s); err == nil || found != nil {
		t.Errorf("closed: %+v, %v", found, err)
	}
}
