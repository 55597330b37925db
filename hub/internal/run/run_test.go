package run_test

import (
	"bytes"
	"errors"
	"testing"

	"google.golang.org/protobuf/proto"

	"weir/hub/internal/run"
	"weir/proto/weirpb"
)

func encode(t testing.TB, e *weirpb.Event) []byte {
	t.Helper()
	b, err := proto.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// several makes a run of events of these lengths of payloads.
func several(t testing.TB, payloads ...int) (body []byte, events [][]byte) {
	t.Helper()
	for i, n := range payloads {
		e := encode(t, &weirpb.Event{Offset: uint64(i + 1), TimeMs: 1_000, Payload: bytes.Repeat([]byte{'x'}, n)})
		before := len(body)
		body, events = run.Append(body, e), append(events, e)
		if room := len(body) - before; room != run.Room(len(e)) {
			t.Fatalf("an event of %d bytes takes %d, not %d", len(e), room, run.Room(len(e)))
		}
	}
	return body, events
}

func TestEventsAreReadAsTheyWereWritten(t *testing.T) {
	for _, payloads := range [][]int{{0}, {0, 0}, {1, 127, 128, 20_000, 0}} {
		body, want := several(t, payloads...)
		checkEvents(t, body, want)
	}
}

func checkEvents(t *testing.T, body []byte, want [][]byte) {
	t.Helper()
	i := 0
	for e, err := range run.Events(body) {
		if err != nil || i == len(want) || !bytes.Equal(e, want[i]) {
			t.Fatalf("event %d of %d is %x, %v", i, len(want), e, err)
		}
		i++
	}
	if n, err := run.Len(body); n != len(want) || i != n || err != nil {
		t.Errorf("%d events are said to be there and %d were read, want %d; %v", n, i, len(want), err)
	}
}

// TestARunOfOneIsTheEvent holds rows to the form that they had before there were runs.
func TestARunOfOneIsTheEvent(t *testing.T) {
	e := encode(t, &weirpb.Event{Offset: 7, TimeMs: 1_000, Key: "k"})
	checkEvents(t, e, [][]byte{e})
}

func TestCutRunsAreMalformed(t *testing.T) {
	body, _ := several(t, 3, 200, 5)
	whole := map[int]bool{}
	at := 0
	for e := range run.Events(body) {
		at += run.Room(len(e))
		whole[at] = true
	}
	for n := range body {
		if _, err := run.Len(body[:n]); errors.Is(err, run.ErrMalformed) == whole[n] {
			t.Errorf("the first %d of %d bytes: %v", n, len(body), err)
		}
	}
}

// FuzzEvents asks that whatever is read as a run of several is that run, written in one way only.
func FuzzEvents(f *testing.F) {
	body, events := several(f, 3, 200, 5)
	f.Add(body)
	f.Add(events[0])
	f.Add([]byte{})
	f.Add([]byte{15<<3 | 2, 0x80, 0x00})
	f.Fuzz(func(t *testing.T, body []byte) {
		n, err := run.Len(body)
		if err != nil {
			if !errors.Is(err, run.ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		if n == 0 || n > len(body) {
			t.Fatalf("%d events in %d bytes", n, len(body))
		}
		var again []byte
		for e, err := range run.Events(body) {
			if err != nil {
				t.Fatal(err)
			}
			again = run.Append(again, e)
		}
		if length, err := run.Len(again); length != n || err != nil {
			t.Fatalf("written again there are %d, not %d; %v", length, n, err)
		}
	})
}
