package fanout

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"weir/edge/internal/fakefilter"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

func TestViewIsToldEnterUpdateAndLeave(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		s := r.newSieve("range", &fakefilter.Range{}, false)
		r.hub.Add("acme", "state:a", "x", "4")
		r.hub.Add("acme", "state:a", "y", "9")
		view := r.subscribe(Request{Channel: "state:a", Terms: []Term{r.term(s, "1:5")}})
		defer view.Close()
		batches := view.all()
		if got, want := payloads(batches), "=x4 "; got != want {
			t.Errorf("snapshot %q, want %q", got, want)
		}
		if !batches[0].GetSnapshotBegin() || !batches[0].GetSnapshotEnd() || batches[0].GetCursor().GetOffset() != 2 {
			t.Errorf("snapshot %v, want one batch with cursor 2", batches[0])
		}
		r.hub.Add("acme", "state:a", "x", "5")
		r.hub.Add("acme", "state:a", "y", "1")
		r.hub.Add("acme", "state:a", "x", "6")
		r.hub.Add("acme", "state:a", "z", "7")
		r.hub.Delete("acme", "state:a", "y")
		r.hub.Delete("acme", "state:a", "unknown")
		synctest.Wait()
		batches = view.all()
		if got, want := payloads(batches), "~x5 +y1 -x -y "; got != want {
			t.Errorf("live %q, want %q", got, want)
		}
		items := batches[0].GetItems()
		if items[2].GetEvent().GetTombstone() || !items[3].GetEvent().GetTombstone() {
			t.Errorf("only the last LEAVE is of a deleted key: %v", items[2:])
		}
	})
}

func TestChangedParamsYieldTheDifference(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		s := r.newSieve("range", &fakefilter.Range{}, false)
		for i := range 10 {
			r.hub.Add("acme", "state:a", string(rune('a'+i)), fmt.Sprint(i))
		}
		view := r.subscribe(Request{Channel: "state:a", Terms: []Term{r.term(s, "2:5")}})
		defer view.Close()
		view.all()
		if err := view.Change(t.Context(), []Term{r.term(s, "4:7")}, 3); err != nil {
			t.Fatal(err)
		}
		batches := view.all()
		if got, want := payloads(batches), "-c-d+g6 +h7 "; got != want && got != "-c -d +g6 +h7 " {
			t.Errorf("difference %q, want %q", got, want)
		}
		if len(batches) != 1 || batches[0].GetRevision() != 3 || batches[0].GetSnapshotBegin() {
			t.Errorf("got %v, want one batch with revision 3 and no snapshot", batches)
		}
	})
}

func TestProjectionShowsWhatItShall(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		tens := r.newSieve("tens", &fakefilter.Range{Rounds: 10}, true)
		hundreds := r.newSieve("hundreds", &fakefilter.Range{Rounds: 100}, true)
		r.hub.Add("acme", "state:a", "x", "123")
		r.hub.Add("acme", "state:a", "y", "200")
		view := r.subscribe(Request{Channel: "state:a", Terms: []Term{r.term(tens, "0:999")}})
		defer view.Close()
		if got, want := payloads(view.all()), "=x120 =y200 "; got != want {
			t.Errorf("snapshot %q, want %q", got, want)
		}
		if err := view.Change(t.Context(), []Term{r.term(hundreds, "0:999")}, 1); err != nil {
			t.Fatal(err)
		}
		if got, want := payloads(view.all()), "~x100 "; got != want {
			t.Errorf("shown differently: %q, want %q", got, want)
		}
		// What the first, a pinned one maybe, has left out does not come back.
		both := r.subscribe(Request{Channel: "state:a", Terms: []Term{r.term(hundreds, "0:999"), r.term(tens, "0:999")}})
		defer both.Close()
		r.hub.Add("acme", "state:a", "z", "456")
		synctest.Wait()
		if got, want := payloads(both.all()), "=x100 =y200 +z400 "; got != want {
			t.Errorf("both: %q, want %q", got, want)
		}
	})
}

func TestSlowViewIsConflated(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.table.ringMost = 8
		view := r.subscribe(Request{Channel: "state:a"})
		quick := r.subscribe(Request{Channel: "state:a"})
		defer view.Close()
		defer quick.Close()
		view.all()
		for i := range 20 {
			r.hub.Add("acme", "state:a", "x", fmt.Sprint(i))
			synctest.Wait()
			quick.all()
		}
		view.next(100) // finds out
		synctest.Wait()
		if got, want := payloads(view.all()), "[gap 1-20 too_slow]=x19 "; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

func TestLargeSnapshotComesInPieces(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		for i := range 1000 {
			r.hub.Add("acme", "state:a", fmt.Sprintf("key-%d", i), "1")
		}
		view := r.subscribe(Request{Channel: "state:a"})
		defer view.Close()
		items := 0
		batches := []*weirpb.Batch{}
		for b := view.next(1000); b != nil; b = view.next(1000) {
			batches = append(batches, b)
			items += len(b.GetItems())
		}
		last := len(batches) - 1
		for i, b := range batches {
			if b.GetSnapshotBegin() != (i == 0) || b.GetSnapshotEnd() != (i == last) || (b.GetCursor() != nil) != (i == last) {
				t.Errorf("batch %d of %d: begin %t, end %t, cursor %v", i, last+1, b.GetSnapshotBegin(), b.GetSnapshotEnd(), b.GetCursor())
			}
		}
		if items != 1000 || last < 10 {
			t.Errorf("%d items in %d batches, want 1000 in many", items, last+1)
		}
	})
}

func TestDifferenceTooLargeForABatchIsASnapshot(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		s := r.newSieve("range", &fakefilter.Range{}, false)
		long := fmt.Sprintf("%060000d", 7)
		for i := range 12 {
			r.hub.Add("acme", "state:a", fmt.Sprint(i), long)
		}
		view := r.subscribe(Request{Channel: "state:a", Terms: []Term{r.term(s, "1:5")}})
		defer view.Close()
		view.all()
		if err := view.Change(t.Context(), []Term{r.term(s, "1:9")}, 1); err != nil {
			t.Fatal(err)
		}
		batches := view.all()
		last := len(batches) - 1
		if last < 1 || !batches[0].GetSnapshotBegin() || batches[0].GetRevision() != 0 || batches[last].GetRevision() != 1 || !batches[last].GetSnapshotEnd() {
			t.Errorf("got %d batches, want a snapshot whose last batch has the revision", len(batches))
		}
	})
}

func TestStateBeyondTheEdgesMemoryIsRefused(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.table.state.most = 1000
		for i := range 10 {
			r.hub.Add("acme", "state:a", fmt.Sprint(i), "1")
		}
		_, err := r.trySubscribe(Request{Channel: "state:a"})
		if fault.CodeOf(err) != fault.Busy {
			t.Errorf("error %v, want busy", err)
		}
		if used := r.table.state.used.Load(); used != 0 {
			t.Errorf("%d bytes accounted for after that, want none", used)
		}
	})
}

func TestChannelsAndGroupsAreBounded(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.table.limits.Channels, r.table.limits.GroupsPerChannel = 1, 1
		s := r.newSieve("range", &fakefilter.Range{}, false)
		one := r.subscribe(Request{Channel: "log:a"})
		if _, err := r.trySubscribe(Request{Channel: "log:b"}); fault.CodeOf(err) != fault.Busy {
			t.Errorf("second channel: %v, want busy", err)
		}
		if _, err := r.trySubscribe(Request{Channel: "log:a", Terms: []Term{r.term(s, "1:2")}}); fault.CodeOf(err) != fault.Busy {
			t.Errorf("second group: %v, want busy", err)
		}
		one.Close()
		time.Sleep((lingerTicks + 2) * tickInterval)
		r.subscribe(Request{Channel: "log:b"}).Close()
	})
}
