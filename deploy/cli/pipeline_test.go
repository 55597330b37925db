package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/edge/edgeclient"
	"weir/proto/fault"
)

// A slowHub answers publications in the reverse order of their arrival, once so many wait.
type slowHub struct {
	mu      sync.Mutex
	waiting []func()
	batch   int
	offset  uint64
	refuse  string // the payload that is refused
	mute    uint64 // beyond so many it answers by itself no more; 0: it does
	unsent  bool   // nothing can be sent: there is no session
	got     []string
}

// An answer is a receipt, or why there is none.
type answer struct {
	done     chan struct{}
	receipt  edgeclient.Receipt
	err      error
	sequence uint64
	open     bool
}

func (a *answer) Wait(ctx context.Context) (edgeclient.Receipt, error) {
	select {
	case <-a.done:
		return a.receipt, a.err
	case <-ctx.Done():
		return edgeclient.Receipt{}, context.Cause(ctx)
	}
}

func (a *answer) Identity() (producer string, sequence uint64, open bool) {
	select {
	case <-a.done:
		return "p", a.sequence, false
	default:
		return "p", a.sequence, a.open
	}
}

func (h *slowHub) send(_ context.Context, p edgeclient.Publication) (receipt, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.offset++
	h.got = append(h.got, string(p.Payload))
	a := &answer{
		done: make(chan struct{}), receipt: edgeclient.Receipt{Cursor: edgeclient.Cursor{Offset: h.offset}},
		sequence: max(p.Sequence, h.offset), open: !h.unsent,
	}
	if h.refuse != "" && string(p.Payload) == h.refuse {
		a.err = fault.New(fault.PayloadTooLarge, "the payload is too long")
	}
	h.waiting = append(h.waiting, func() { close(a.done) })
	if len(h.waiting) >= h.batch && (h.mute == 0 || h.offset <= h.mute) {
		h.answer()
	}
	return a, nil
}

// answer answers all that waits. mu is held.
func (h *slowHub) answer() {
	for _, answer := range slices.Backward(h.waiting) {
		answer()
	}
	h.waiting = nil
}

// pipeline returns one to the hub that collects the offsets it prints.
func (h *slowHub) pipeline(printed *[]uint64) *pipeline {
	return &pipeline{
		send: h.send, template: edgeclient.Publication{Channel: "chat"}, settle: func() {}, waitsFor: func() string { return "the hub" },
		print: func(r edgeclient.Receipt) error { *printed = append(*printed, r.Cursor.Offset); return nil },
	}
}

func TestLinesKeepTheirOrder(t *testing.T) {
	const count = linesInFlight * 3
	var in strings.Builder
	var want []string
	for i := range count {
		fmt.Fprintln(&in, i)
		want = append(want, fmt.Sprint(i))
	}
	h := &slowHub{batch: linesInFlight / 2}
	var printed []uint64
	err := h.pipeline(&printed).all(context.Background(), strings.NewReader(in.String()))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(h.got, want) {
		t.Error("lines were handed over in another order")
	}
	if len(printed) != count || !slices.IsSorted(printed) {
		t.Errorf("printed %d receipts, sorted: %t", len(printed), slices.IsSorted(printed))
	}
}

func TestRefusedLineIsNamed(t *testing.T) {
	h := &slowHub{batch: 1, refuse: "b"}
	var printed []uint64
	err := h.pipeline(&printed).all(context.Background(), strings.NewReader("a\nb\nc\n"))
	if fault.CodeOf(err) != fault.PayloadTooLarge || len(printed) != 1 || exitCode(err) != exitFailed {
		t.Fatalf("error %v after %d receipts", err, len(printed))
	}
	if sentence, _ := describe(err); sentence != "line 2: the payload is too long" {
		t.Errorf("sentence %q", sentence)
	}
}

func TestLongLineIsRefused(t *testing.T) {
	h := &slowHub{batch: 1}
	in := io.MultiReader(strings.NewReader("a\n"), strings.NewReader(strings.Repeat("x", maxLine+1)))
	err := h.pipeline(new([]uint64)).all(context.Background(), in)
	if err == nil || err.Error() != "line 2 is longer than 1MiB" {
		t.Errorf("error %v", err)
	}
}

// untilNow gives so many lines to a pipeline, and no end, and returns what it says after a signal or its timeout.
func untilNow(t *testing.T, p *pipeline, count int, signal time.Duration) (took time.Duration, err error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	in, out := io.Pipe()
	defer out.Close()
	began := time.Now()
	done := make(chan error, 1)
	go func() { done <- p.all(ctx, in) }()
	for range count {
		if _, err := io.WriteString(out, "x\n"); err != nil {
			t.Fatal(err)
		}
	}
	if signal > 0 {
		time.AfterFunc(signal, cancel)
	}
	err = <-done
	return time.Since(began), err
}

// expectFailure checks what is told, and what the process exits with.
func expectFailure(t *testing.T, err error, code int, want string) {
	t.Helper()
	var out bytes.Buffer
	(&console{err: &out}).printFailure(err)
	if out.String() != want || exitCode(err) != code {
		t.Errorf("got  %qwant %q, exit code %d, want %d", out.String(), want, exitCode(err), code)
	}
}

func TestASignalEndsPublishing(t *testing.T) {
	const repeat = "hint: to repeat it without publishing twice, give the lines from 3 on to the same command " +
		"with --producer p --sequence 3, within the namespace's dedupe age (10m by default)\n"
	for _, test := range []struct {
		name     string
		hub      *slowHub
		timeout  time.Duration
		signal   time.Duration
		answered time.Duration
		code     int
		want     string
		took     time.Duration
	}{
		{"nothing is unknown", &slowHub{batch: 1}, 0, time.Second, 0, exitInterrupted, "weir: interrupted\nhint: lines published before: 5\n", time.Second},
		{
			"receipts never come", &slowHub{batch: 1, mute: 2}, 0, time.Second, 0, exitUnknown,
			"weir: interrupted: lines 3 to 5 may or may not have been published\n" + repeat, time.Second + lastMoment,
		},
		{
			"receipts come in the last moment", &slowHub{batch: 9}, 0, time.Second, time.Second + lastMoment/2, exitInterrupted,
			"weir: interrupted\nhint: lines published before: 5\n", time.Second + lastMoment/2,
		},
		{
			"without a session", &slowHub{batch: 9, unsent: true}, 0, time.Second, 0, exitInterrupted,
			"weir: interrupted: line 1 was not published\n", time.Second + lastMoment,
		},
		{
			"the time is up", &slowHub{batch: 1, mute: 2}, 10 * time.Second, 0, 0, exitUnknown,
			"weir: no receipt within 10s: lines 3 to 5 may or may not have been published\n" + repeat, 10 * time.Second,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if test.answered > 0 {
					time.AfterFunc(test.answered, func() { test.hub.mu.Lock(); test.hub.answer(); test.hub.mu.Unlock() })
				}
				var printed []uint64
				p := test.hub.pipeline(&printed)
				p.timeout = test.timeout
				took, err := untilNow(t, p, 5, test.signal)
				expectFailure(t, err, test.code, test.want)
				if took != test.took {
					t.Errorf("took %s, want %s", took, test.took)
				}
			})
		})
	}
}

func TestTheOnlyEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var printed []uint64
		var told bytes.Buffer
		p := (&slowHub{batch: 2}).pipeline(&printed)
		p.timeout = 15 * time.Second
		err := p.one(withNotices(context.Background(), &told), []byte("x"))
		expectFailure(t, err, exitUnknown, "weir: no receipt within 15s: the event may or may not have been published\nhint: to repeat it without "+
			"publishing twice, run the same command with --producer p --sequence 1, within the namespace's dedupe age (10m by default)\n")
		if got, want := told.String(), "waiting (1s): the hub\nwaiting (11s): the hub\n"; got != want {
			t.Errorf("told %q, want %q", got, want)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		p = (&slowHub{batch: 2, unsent: true}).pipeline(&printed)
		expectFailure(t, p.one(ctx, nil), exitInterrupted, "weir: interrupted: the event was not published\n")
		p = (&slowHub{batch: 1}).pipeline(&printed)
		if err := p.one(ctx, nil); err != nil || len(printed) != 1 {
			t.Errorf("a receipt in the last moment: %v", err)
		}
	})
}

// TestRepeatedLinesKeepTheirNumbers gives lines to a pipeline that repeats.
func TestRepeatedLinesKeepTheirNumbers(t *testing.T) {
	var printed, sequences []uint64
	h := &slowHub{batch: 1}
	p := h.pipeline(&printed)
	p.template.Sequence = 7
	p.send = func(ctx context.Context, publication edgeclient.Publication) (receipt, error) {
		sequences = append(sequences, publication.Sequence)
		return h.send(ctx, publication)
	}
	if err := p.all(context.Background(), strings.NewReader("a\nb\nc\n")); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(sequences, []uint64{7, 8, 9}) {
		t.Errorf("sent as %v", sequences)
	}
}
