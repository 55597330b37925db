package fanout

import (
	"testing"
	"testing/synctest"

	"weir/edge/internal/fakefilter"
	"weir/edge/internal/sieve"
)

func TestMoveHappensAtOneOffset(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		old, newer := r.newSieve("old", &fakefilter.Range{}, false), r.newSieve("newer", &fakefilter.Range{Shift: 10}, false)
		log := r.subscribe(Request{Channel: "log:a", Terms: []Term{r.term(old, "11:19")}})
		defer log.Close()
		r.hub.Add("acme", "state:a", "x", "12")
		r.hub.Add("acme", "state:a", "y", "2")
		view := r.subscribe(Request{Channel: "state:a", Terms: []Term{r.term(old, "11:19")}})
		defer view.Close()
		log.all()
		view.all()
		// What is not read yet when they move is as the old version has it.
		for _, payload := range []string{"1", "11", "12"} {
			r.hub.Add("acme", "log:a", "", payload)
		}
		r.hub.Add("acme", "state:a", "z", "13")
		synctest.Wait()
		for _, s := range []*reader{log, view} {
			if err := s.Move(t.Context(), []Term{r.term(newer, "11:19")}); err != nil {
				t.Fatal(err)
			}
		}
		for _, payload := range []string{"3", "13"} {
			r.hub.Add("acme", "log:a", "", payload)
		}
		r.hub.Add("acme", "state:a", "y", "4")
		synctest.Wait()
		batches := log.all()
		if got, want := payloads(batches), "11 12 3 "; got != want {
			t.Errorf("the log tells %q, want %q", got, want)
		}
		var told uint64
		for _, b := range batches {
			told += b.GetSkipped() + uint64(len(b.GetItems()))
		}
		if end := batches[len(batches)-1].GetCursor().GetOffset(); told != end || end != 5 {
			t.Errorf("%d events are accounted for up to offset %d, want 5", told, end)
		}
		if got, want := payloads(view.all()), "+z13 -x +y2 -z ~y4 "; got != want {
			t.Errorf("the view is told %q, want %q", got, want)
		}
	})
}

func TestMoveMayNeedTwiceTheGroups(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.table.limits.GroupsPerChannel = 1
		old, newer := r.newSieve("old", &fakefilter.Range{}, false), r.newSieve("newer", &fakefilter.Range{}, false)
		one := r.subscribe(Request{Channel: "log:a", Terms: []Term{r.term(old, "1:9")}})
		defer one.Close()
		two := r.subscribe(Request{Channel: "log:a", Terms: []Term{r.term(old, "1:9")}})
		defer two.Close()
		for _, s := range []*reader{one, two} {
			if err := s.Move(t.Context(), []Term{r.term(newer, "1:9")}); err != nil {
				t.Errorf("move: %v", err)
			}
		}
	})
}

func TestShadowIsComparedAndShowsNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		module := &fakefilter.Range{Shift: 1}
		live, shadow := r.newSieve("live", &fakefilter.Range{}, false), r.newSieve("shadow", module, false)
		shadowed := func(params string) []Term {
			term, beside := r.term(live, params), r.term(shadow, params)
			term.Shadow = &beside
			return []Term{term}
		}
		one := r.subscribe(Request{Channel: "log:a", Terms: shadowed("1:5")})
		two := r.subscribe(Request{Channel: "log:a", Terms: shadowed("1:5")})
		other := r.subscribe(Request{Channel: "log:a", Terms: shadowed("1:50")})
		defer other.Close()
		for _, payload := range []string{"0", "3", "5", "boom"} {
			r.hub.Add("acme", "log:a", "", payload)
		}
		synctest.Wait()
		if got, want := payloads(one.all()), "3 5 [gap 4-4 filter_failed]"; got != want {
			t.Errorf("told %q, want %q", got, want)
		}
		noted, samples := shadow.Differences.Noted()
		if n := shadow.Differences.Compared.Load(); n != 8 || noted != 3 || len(samples) != 3 {
			t.Fatalf("%d verdicts were compared and %d differ: %v", n, noted, samples)
		}
		want := sieve.Difference{
			Channel: "log:a", Epoch: one.info.GetEpoch(), Offset: 3, Group: samples[2].Group, Live: "match", LiveVersion: 1, Shadow: "held",
		}
		if samples[2] != want {
			t.Errorf("the last difference is %+v, want %+v", samples[2], want)
		}
		// Unsubscribed, nothing is compared any more; the last one to leave ends it.
		one.Close()
		two.Close()
		r.hub.Add("acme", "log:a", "", "5")
		synctest.Wait()
		if n := shadow.Differences.Compared.Load(); n != 9 {
			t.Errorf("%d verdicts were compared, want 9", n)
		}
		calls := module.Calls.Load()
		if err := other.Move(t.Context(), []Term{r.term(live, "1:50")}); err != nil {
			t.Fatal(err)
		}
		r.hub.Add("acme", "log:a", "", "5")
		synctest.Wait()
		if module.Calls.Load() != calls {
			t.Error("a shadow that nobody has any more is asked")
		}
	})
}
