package hubclient

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

func ids(entries []*entry) string {
	var s []uint64
	for _, e := range entries {
		s = append(s, e.id)
	}
	return fmt.Sprint(s)
}

func filled(t *testing.T, n int, again bool) *outbox {
	t.Helper()
	o := newOutbox()
	for i := range n {
		if err := o.add(&entry{id: uint64(i), encoded: []byte{byte(i)}, again: again}); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

func TestOutboxSendsInOrderAndAgain(t *testing.T) {
	o := filled(t, 5, true)
	if frames, resent := o.take(nil, 3); string(frames) != "\x00\x01\x02" || resent != 0 {
		t.Errorf("take = %v, %d", frames, resent)
	}
	if e := o.settle(1); e.id != 1 {
		t.Errorf("settle = %v", e)
	}
	if e := o.settle(1); e != nil {
		t.Errorf("settled twice: %v", e)
	}
	if failed := o.restart(); failed != nil {
		t.Errorf("restart fails %s", ids(failed))
	}
	if frames, resent := o.take(nil, 100); string(frames) != "\x00\x02\x03\x04" || resent != 2 {
		t.Errorf("take = %v, %d: it must begin with what has no answer", frames, resent)
	}
	if frames, _ := o.take(nil, 100); len(frames) != 0 {
		t.Errorf("take = %v: sent twice in one session", frames)
	}
}

func TestOutboxGivesUpWhatMustNotBeSentTwice(t *testing.T) {
	o := filled(t, 4, false)
	o.take(nil, 2)
	if failed := o.restart(); ids(failed) != "[0 1]" {
		t.Errorf("restart fails %s, want those that were sent", ids(failed))
	}
	if frames, _ := o.take(nil, 100); string(frames) != "\x02\x03" {
		t.Errorf("take = %v", frames)
	}
}

func TestOutboxExpires(t *testing.T) {
	o := newOutbox()
	now := time.Unix(1000, 0)
	for i := range 4 {
		if err := o.add(&entry{id: uint64(i), deadline: now.Add(time.Duration(i) * time.Second)}); err != nil {
			t.Fatal(err)
		}
	}
	if over := o.expired(now.Add(1500 * time.Millisecond)); ids(over) != "[0 1]" {
		t.Errorf("expired = %s", ids(over))
	}
	if left := o.close(); ids(left) != "[2 3]" {
		t.Errorf("close = %s", ids(left))
	}
	if err := o.add(&entry{}); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("add after close: %v", err)
	}
}

func TestOutboxIsBounded(t *testing.T) {
	o := filled(t, maxOutstanding, true)
	if err := o.add(&entry{id: 1 << 40}); fault.CodeOf(err) != fault.Busy || fault.From(err).RetryAfter == 0 {
		t.Errorf("add: %v", err)
	}
	o.settle(7)
	if err := o.add(&entry{id: 1 << 40}); err != nil {
		t.Errorf("add with room: %v", err)
	}
	o = newOutbox()
	for i := range 2 {
		if err := o.add(&entry{id: uint64(i), encoded: make([]byte, maxOutstandingBytes/2)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := o.add(&entry{id: 3, encoded: []byte{1}}); fault.CodeOf(err) != fault.Busy {
		t.Errorf("add: %v", err)
	}
	o.settle(0)
	if err := o.add(&entry{id: 3, encoded: []byte{1}}); err != nil {
		t.Errorf("add with room: %v", err)
	}
}

// Whatever happens in whatever order, each entry leaves once, and a session is sent what has no answer, in order, once.
func TestOutboxAgainstModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	o := newOutbox()
	var (
		waiting []uint64 // no answer yet, in order
		session []byte   // sent in this session
		next    byte
	)
	for range 10000 {
		switch random.IntN(5) {
		case 0, 1:
			if err := o.add(&entry{id: uint64(next), encoded: []byte{next}, again: true}); err != nil {
				t.Fatal(err)
			}
			waiting = append(waiting, uint64(next))
			if next++; next == 255 {
				return // ids have to be told apart by a byte
			}
		case 2:
			session, _ = o.take(session, len(session)+random.IntN(4))
		case 3:
			if len(session) > 0 {
				id := uint64(session[random.IntN(len(session))])
				i := slices.Index(waiting, id)
				if e := o.settle(id); (e != nil) != (i >= 0) {
					t.Fatalf("settle(%d) = %v, waiting %v", id, e, waiting)
				}
				if i >= 0 {
					waiting = slices.Delete(waiting, i, i+1)
				}
			}
		case 4:
			if random.IntN(10) == 0 {
				o.restart()
				session = nil
			}
		}
		if !slices.IsSorted(session) || len(slices.Compact(slices.Clone(session))) != len(session) {
			t.Fatalf("a session is sent %v", session)
		}
		if o.len() != len(waiting) {
			t.Fatalf("%d wait, want %d", o.len(), len(waiting))
		}
	}
}

func TestPublishAllocates(t *testing.T) {
	m, err := newMetrics(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &Client{outbox: newOutbox(), metrics: m, cfg: Config{Timeout: time.Minute}}
	p := &weirpb.Publication{Channel: "chat", Payload: make([]byte, 200)}
	frames := make([]byte, 0, 1<<10)
	n := testing.AllocsPerRun(100, func() {
		c.Publish("acme", p, func(*weirpb.Receipt, error) {})
		frames, _ = c.outbox.take(frames[:0], 1<<10)
		c.outbox.settle(c.ids.Load())
	})
	// The entry, its frame, its place in the list, the message around the publication, the deadline's closure.
	if n > 5 {
		t.Errorf("a publication costs %v allocations", n)
	}
}
