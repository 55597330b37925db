package fanout

import (
	"testing"
	"testing/synctest"
	"time"

	"weir/proto/weirpb"
)

// fromCursor asks for a channel after a cursor.
func fromCursor(channel string, epoch, offset uint64) Request {
	return Request{Channel: channel, Start: weirpb.Start_START_CURSOR, Cursor: &weirpb.Cursor{Epoch: epoch, Offset: offset}}
}

// told reads all that comes while a channel settles.
func told(r *reader) string {
	got := ""
	for range 4 {
		synctest.Wait()
		got += payloads(r.all())
	}
	return got
}

// TestCursorOfALaterEpochWaitsForTheChannel has subscribers come from an edge that has heard of a new epoch before.
func TestCursorOfALaterEpochWaitsForTheChannel(t *testing.T) {
	for _, test := range []struct {
		channel, key string
		old, want    string
	}{
		{"log:a", "", "1 ", "8 9 "},
		{"state:a", "k", "=k1 ", "=k9 "},
	} {
		t.Run(test.channel, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				r.hub.Add("acme", test.channel, test.key, "1")
				here := r.subscribe(Request{Channel: test.channel, Start: weirpb.Start_START_EARLIEST})
				defer here.Close()
				if got := told(here); got != test.old {
					t.Errorf("of the old epoch: %q, want %q", got, test.old)
				}
				ahead := r.subscribe(fromCursor(test.channel, 1001, 1))
				defer ahead.Close()
				time.Sleep(aheadMost - time.Millisecond)
				if got := told(ahead); got != "" {
					t.Fatalf("sent back: %q", got)
				}
				r.hub.Renew("acme", test.channel)
				for _, payload := range []string{"7", "8", "9"} {
					r.hub.Add("acme", test.channel, test.key, payload)
				}
				time.Sleep(time.Second)
				if got := told(ahead); got != test.want {
					t.Errorf("once the channel has got there: %q, want %q", got, test.want)
				}
			})
		})
	}
}

// TestCursorOfALaterEpochIsGivenUp has a channel whose epochs are earlier for good, and one that nobody can follow
// for longer than anybody waits.
func TestCursorOfALaterEpochIsGivenUp(t *testing.T) {
	for channel, want := range map[string]string{"log:a": "[gap 0-0 epoch_changed]k1 ", "state:a": "[gap 0-0 epoch_changed]=k1 "} {
		t.Run(channel, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				r.hub.Add("acme", channel, "k", "1")
				here := r.subscribe(Request{Channel: channel})
				defer here.Close()
				r.hub.SetDown(true)
				time.Sleep(time.Second)
				ahead := r.subscribe(fromCursor(channel, 2000, 5))
				defer ahead.Close()
				time.Sleep(6 * aheadMost)
				if got := told(ahead); got != "" {
					t.Fatalf("sent back while the hub is away: %q", got)
				}
				r.hub.SetDown(false)
				time.Sleep(aheadMost - time.Second)
				if got := told(ahead); got != "" {
					t.Fatalf("sent back when the hub had hardly answered: %q", got)
				}
				time.Sleep(2*retryLongest + time.Second)
				if got := told(ahead); got != want {
					t.Errorf("in the end: %q, want %q", got, want)
				}
			})
		})
	}
}

// TestViewDoesNotGoBackInTime has a view's client come from an edge that is some events ahead.
func TestViewDoesNotGoBackInTime(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.hub.Add("acme", "state:a", "k", "1")
		view := r.subscribe(fromCursor("state:a", 1000, 3))
		defer view.Close()
		r.hub.Add("acme", "state:a", "k", "2")
		if got := told(view); got != "" {
			t.Fatalf("shown what is older than what it has: %q", got)
		}
		if err := view.Change(t.Context(), nil, 7); err != nil {
			t.Fatal(err)
		}
		r.hub.Add("acme", "state:a", "k", "3")
		synctest.Wait()
		batches := view.all()
		if got := payloads(batches); got != "=k3 " || batches[0].GetRevision() != 7 {
			t.Errorf("got %q with revision %d, want =k3 with 7", got, batches[0].GetRevision())
		}
	})
}

func TestSubscriberThatIsAheadMayLeave(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		for _, channel := range []string{"log:a", "state:a"} {
			s := r.subscribe(fromCursor(channel, 1001, 1))
			synctest.Wait()
			s.Close() // the bubble ends only when nobody waits any more
		}
	})
}
