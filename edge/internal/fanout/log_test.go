package fanout

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"weir/edge/internal/fakefilter"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

// inBubble runs a test in virtual time with a rig that it closes.
func inBubble(t *testing.T, f func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer r.table.Close()
		f(t, r)
	})
}

func TestLiveSubscriberSeesWhatItsFilterLetsThrough(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		s := r.newSieve("range", &fakefilter.Range{}, false)
		r.hub.Add("acme", "log:a", "", "7")
		all := r.subscribe(Request{Channel: "log:a"})
		some := r.subscribe(Request{Channel: "log:a", Terms: []Term{r.term(s, "5:9")}})
		defer all.Close()
		defer some.Close()
		if got := all.info.GetNextOffset(); got != 2 {
			t.Errorf("described next offset %d, want 2", got)
		}
		for _, payload := range []string{"1", "5", "10", "9"} {
			r.hub.Add("acme", "log:a", "", payload)
		}
		synctest.Wait()
		if got, want := payloads(all.all()), "1 5 10 9 "; got != want {
			t.Errorf("all: %q, want %q", got, want)
		}
		batches := some.all()
		if got, want := payloads(batches), "5 9 "; got != want {
			t.Errorf("some: %q, want %q", got, want)
		}
		last := batches[len(batches)-1]
		if last.GetCursor().GetOffset() != 5 || last.GetSkipped() != 2 || last.GetSkippedBytes() != 3 {
			t.Errorf("last batch %v, want cursor 5, 2 skipped with 3 bytes", last)
		}
	})
}

func TestSkipsAloneAreToldWithinASecond(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		s := r.newSieve("range", &fakefilter.Range{}, false)
		some := r.subscribe(Request{Channel: "log:a", Terms: []Term{r.term(s, "5:9")}})
		defer some.Close()
		some.all()
		before := some.inbox.readies()
		r.hub.Add("acme", "log:a", "", "1")
		synctest.Wait()
		if some.inbox.readies() != before {
			t.Errorf("woken for one event held back")
		}
		time.Sleep(tickInterval)
		synctest.Wait()
		if some.inbox.readies() != before+1 {
			t.Fatalf("woken %d times after a tick, want once", some.inbox.readies()-before)
		}
		if b := some.all(); len(b) != 1 || b[0].GetSkipped() != 1 || b[0].GetCursor().GetOffset() != 1 {
			t.Errorf("told %v, want one skip", b)
		}
		for range skipsUntilTold {
			r.hub.Add("acme", "log:a", "", "1")
		}
		synctest.Wait()
		if some.inbox.readies() != before+2 {
			t.Errorf("woken %d times after %d skips, want twice", some.inbox.readies()-before, skipsUntilTold)
		}
	})
}

func TestEqualParamsAreEvaluatedOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		module := &fakefilter.Range{}
		s := r.newSieve("range", module, false)
		for i := range 10 {
			term := r.term(s, []string{"1:5", "3:9"}[i%2])
			defer r.subscribe(Request{Channel: "log:a", Terms: []Term{term}}).Close()
		}
		r.hub.Add("acme", "log:a", "", "4")
		synctest.Wait()
		if got := module.Calls.Load(); got != 1 {
			t.Errorf("the filter was called %d times for one event, want once", got)
		}
	})
}

func TestResume(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		for i := range 9 {
			r.hub.Add("acme", "log:a", "", string(rune('1'+i)))
		}
		epoch := uint64(1000)
		for _, test := range []struct {
			name    string
			request Request
			want    string
		}{
			{"live", Request{Start: weirpb.Start_START_LIVE}, ""},
			{"earliest", Request{Start: weirpb.Start_START_EARLIEST}, "1 2 3 4 5 6 7 8 9 "},
			{"cursor", Request{Start: weirpb.Start_START_CURSOR, Cursor: &weirpb.Cursor{Epoch: epoch, Offset: 6}}, "7 8 9 "},
			{"end", Request{Start: weirpb.Start_START_CURSOR, Cursor: &weirpb.Cursor{Epoch: epoch, Offset: 9}}, ""},
			{"epoch", Request{Start: weirpb.Start_START_CURSOR, Cursor: &weirpb.Cursor{Epoch: 7, Offset: 6}}, "[gap 0-0 epoch_changed]1 2 3 4 5 6 7 8 9 "},
		} {
			test.request.Channel = "log:a"
			s := r.subscribe(test.request)
			var got strings.Builder
			for range 4 {
				synctest.Wait()
				got.WriteString(payloads(s.all()))
			}
			if got.String() != test.want {
				t.Errorf("%s: %q, want %q", test.name, got.String(), test.want)
			}
			s.Close()
		}
		r.hub.Trim("acme", "log:a", 5)
		s := r.subscribe(Request{Channel: "log:a", Start: weirpb.Start_START_CURSOR, Cursor: &weirpb.Cursor{Epoch: epoch, Offset: 2}})
		defer s.Close()
		synctest.Wait()
		if got, want := payloads(s.all()), "[gap 3-4 trimmed]5 6 7 8 9 "; got != want {
			t.Errorf("trimmed: %q, want %q", got, want)
		}
	})
}

func TestCursorBeyondTheEndIsRefused(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.hub.Add("acme", "log:a", "", "1")
		_, err := r.trySubscribe(Request{
			Channel: "log:a", Start: weirpb.Start_START_CURSOR, Cursor: &weirpb.Cursor{Epoch: 1000, Offset: 2},
		})
		if fault.CodeOf(err) != fault.CursorAhead {
			t.Errorf("error %v, want cursor_ahead", err)
		}
	})
}

func TestUpstreamLossPausesAndNothingIsLost(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		s := r.subscribe(Request{Channel: "log:a"})
		defer s.Close()
		r.hub.Add("acme", "log:a", "", "1")
		synctest.Wait()
		r.hub.SetDown(true)
		time.Sleep(time.Minute)
		r.hub.SetDown(false)
		r.hub.Add("acme", "log:a", "", "2")
		time.Sleep(2 * retryLongest)
		synctest.Wait()
		if got, want := payloads(s.all()), "1 2 "; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestDeletedNamespaceEndsSubscriptions(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		s := r.subscribe(Request{Channel: "log:a"})
		defer s.Close()
		r.table.Reconcile(func(string, string) (weirpb.FailurePolicy, *fault.Fault) {
			return 0, fault.New(fault.NamespaceUnknown, "gone")
		})
		if f := s.inbox.fault(); f == nil || f.Code != fault.NamespaceUnknown {
			t.Errorf("ended with %v, want namespace_unknown", f)
		}
		if _, err := r.trySubscribe(Request{Channel: "nowhere:a"}); fault.CodeOf(err) != fault.NamespaceUnknown {
			t.Errorf("subscribe: %v, want namespace_unknown", err)
		}
	})
}

// TestGapSaysWhyFiltersWereNotAsked has a filter fail, and have no fuel, by turns: live, and for a subscriber that reads the past.
func TestGapSaysWhyFiltersWereNotAsked(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		dry, bad := r.newSieve("dry", &fakefilter.Range{}, false), r.newSieve("bad", &fakefilter.Range{}, false)
		one := r.subscribe(Request{Channel: "log:a", Terms: []Term{r.term(dry, "1:9")}})
		defer one.Close()
		two := r.subscribe(Request{Channel: "log:a", Terms: []Term{r.term(dry, "1:9"), r.term(bad, "1:9")}})
		defer two.Close()
		one.all()
		two.all()
		for _, payload := range []string{"1", "starve", "starve", "boom", "starve", "2"} {
			r.hub.Add("acme", "log:a", "", payload)
		}
		synctest.Wait()
		const want = "1 [gap 2-3 fuel_exhausted][gap 4-4 filter_failed][gap 5-5 fuel_exhausted]2 "
		if got := payloads(one.all()); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if got := payloads(two.all()); got != want {
			t.Errorf("of two filters: got %q, want %q", got, want)
		}
		late := r.subscribe(Request{Channel: "log:a", Terms: []Term{r.term(dry, "1:8")}, Start: weirpb.Start_START_EARLIEST})
		defer late.Close()
		got := ""
		for range 6 { // a page ends before each gap
			synctest.Wait()
			got += payloads(late.all())
		}
		if got != want {
			t.Errorf("of the past: got %q, want %q", got, want)
		}
	})
}

func TestFailingFilterLeavesATypedGapOfItsGroupAlone(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		bad := r.newSieve("bad", &fakefilter.Range{}, false)
		module := &fakefilter.Range{}
		good := r.newSieve("good", module, false)
		one := r.subscribe(Request{Channel: "log:a", Terms: []Term{r.term(bad, "1:9")}})
		two := r.subscribe(Request{Channel: "log:a"})
		three := r.subscribe(Request{Channel: "log:a", Terms: []Term{r.term(good, "1:9")}})
		for _, s := range []*reader{one, two, three} {
			defer s.Close()
			s.all()
		}
		for _, payload := range []string{"1", "boom", "boom", "2"} {
			r.hub.Add("acme", "log:a", "", payload)
		}
		synctest.Wait()
		if got, want := payloads(one.all()), "1 [gap 2-3 filter_failed]2 "; got != want {
			t.Errorf("group of the failing filter: %q, want %q", got, want)
		}
		if got, want := payloads(two.all()), "1 boom boom 2 "; got != want {
			t.Errorf("group without filter: %q, want %q", got, want)
		}
		r.table.Reconcile(func(string, string) (weirpb.FailurePolicy, *fault.Fault) {
			return weirpb.FailurePolicy_FAILURE_POLICY_OPEN, nil
		})
		r.hub.Add("acme", "log:a", "", "boom")
		synctest.Wait()
		if got, want := payloads(one.all()), "boom "; got != want {
			t.Errorf("policy open: %q, want %q", got, want)
		}
		module.Broken.Store(true)
		for range 20 {
			r.hub.Add("acme", "log:a", "", "3")
		}
		synctest.Wait()
		calls := module.Calls.Load()
		r.hub.Add("acme", "log:a", "", "3")
		synctest.Wait()
		if module.Calls.Load() != calls {
			t.Errorf("a suspended filter was called")
		}
		module.Broken.Store(false)
		time.Sleep(time.Minute)
		r.hub.Add("acme", "log:a", "", "99")
		synctest.Wait()
		three.all()
		r.hub.Add("acme", "log:a", "", "98")
		time.Sleep(tickInterval)
		synctest.Wait()
		if b := three.all(); len(b) != 1 || b[0].GetSkipped() != 1 {
			t.Errorf("after its suspension the filter does not decide: %v", b)
		}
	})
}

func TestFilterThatHangsHoldsUpItsChannelAlone(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		stuck := r.newSieve("stuck", &fakefilter.Range{Gate: make(chan struct{})}, false)
		good := r.newSieve("good", &fakefilter.Range{}, false)
		slow := r.subscribe(Request{Channel: "log:slow", Terms: []Term{r.term(stuck, "1:5")}})
		other := r.subscribe(Request{Channel: "log:other", Terms: []Term{r.term(good, "1:5")}})
		defer slow.Close()
		defer other.Close()
		slow.all()
		other.all()
		r.hub.Add("acme", "log:slow", "", "3")
		r.hub.Add("acme", "log:other", "", "7")
		time.Sleep(2 * tickInterval)
		synctest.Wait()
		if b := other.all(); len(b) != 1 || b[0].GetSkipped() != 1 {
			t.Errorf("the other channel's subscriber was told %v, want one skip", b)
		}
		if b := slow.all(); len(b) != 0 {
			t.Errorf("told %v while the filter hangs", b)
		}
		r.table.Reconcile(func(_, channel string) (weirpb.FailurePolicy, *fault.Fault) {
			if channel == "log:slow" {
				return 0, fault.New(fault.TenantUnknown, "gone")
			}
			return 0, nil
		})
		if b := slow.all(); len(b) != 0 || slow.inbox.fault() == nil {
			t.Errorf("the end of a channel whose filter hangs told %v, ended %v", b, slow.inbox.fault())
		}
	})
}

func TestEphemeralEventsAreSeenByThoseWhoAreThere(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		s := r.subscribe(Request{Channel: "log:a"})
		defer s.Close()
		r.hub.Add("acme", "log:a", "", "1")
		r.hub.Publish("acme", &weirpb.Publication{Channel: "log:a", Payload: []byte("here"), Ack: weirpb.Ack_ACK_NONE},
			func(*weirpb.Receipt, error) {})
		r.hub.Add("acme", "log:a", "", "2")
		synctest.Wait()
		batches := s.all()
		if got, want := payloads(batches), "1 here 2 "; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if got := batches[len(batches)-1].GetCursor().GetOffset(); got != 2 {
			t.Errorf("cursor %d, want 2", got)
		}
	})
}

func TestLastGoodFallsBackToTheVersionBefore(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		broken := &fakefilter.Range{}
		broken.Broken.Store(true)
		before := r.term(r.newSieve("before", &fakefilter.Range{}, false), "1:5")
		term := r.term(r.newSieve("after", broken, false), "1:5")
		term.Fallback = &before
		s := r.subscribe(Request{Channel: "log:a", Policy: weirpb.FailurePolicy_FAILURE_POLICY_LAST_GOOD, Terms: []Term{term}})
		defer s.Close()
		for _, payload := range []string{"3", "7"} {
			r.hub.Add("acme", "log:a", "", payload)
		}
		synctest.Wait()
		if got, want := payloads(s.all()), "3 "; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestSubscribeGivesUpWithItsContext(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.hub.SetDown(true)
		_, err := r.trySubscribe(Request{Channel: "log:a"})
		if fault.CodeOf(err) != fault.Unavailable {
			t.Errorf("error %v, want unavailable", err)
		}
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(fault.New(fault.Draining, "bye"))
		if _, _, err := r.table.Subscribe(ctx, Request{Tenant: "acme", Channel: "log:a"}, &inbox{}); fault.CodeOf(err) != fault.Draining {
			t.Errorf("error %v, want the context's cause", err)
		}
	})
}
