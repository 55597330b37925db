package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

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
	got     []string
}

// An answer is a receipt, or why there is none.
type answer struct {
	done    chan struct{}
	receipt edgeclient.Receipt
	err     error
}

func (a *answer) Wait(ctx context.Context) (edgeclient.Receipt, error) {
	select {
	case <-a.done:
		return a.receipt, a.err
	case <-ctx.Done():
		return edgeclient.Receipt{}, context.Cause(ctx)
	}
}

func (h *slowHub) send(_ context.Context, p edgeclient.Publication) (receipt, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.offset++
	h.got = append(h.got, string(p.Payload))
	a := &answer{done: make(chan struct{}), receipt: edgeclient.Receipt{Cursor: edgeclient.Cursor{Offset: h.offset}}}
	if h.refuse != "" && string(p.Payload) == h.refuse {
		a.err = fault.New(fault.PayloadTooLarge, "the payload is too long")
	}
	h.waiting = append(h.waiting, func() { close(a.done) })
	if len(h.waiting) >= h.batch {
		for _, answer := range slices.Backward(h.waiting) {
			answer()
		}
		h.waiting = nil
	}
	return a, nil
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
	err := publishLines(context.Background(), h.send, edgeclient.Publication{Channel: "chat"}, strings.NewReader(in.String()),
		func(r edgeclient.Receipt) error {
			printed = append(printed, r.Cursor.Offset)
			return nil
		})
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
	var printed int
	err := publishLines(context.Background(), h.send, edgeclient.Publication{Channel: "chat"}, strings.NewReader("a\nb\nc\n"),
		func(edgeclient.Receipt) error {
			printed++
			return nil
		})
	if fault.CodeOf(err) != fault.PayloadTooLarge || printed != 1 {
		t.Fatalf("error %v after %d receipts", err, printed)
	}
	if sentence, _ := describe(err); sentence != "line 2: the payload is too long" {
		t.Errorf("sentence %q", sentence)
	}
}

func TestLongLineIsRefused(t *testing.T) {
	h := &slowHub{batch: 1}
	in := io.MultiReader(strings.NewReader("a\n"), strings.NewReader(strings.Repeat("x", maxLine+1)))
	err := publishLines(context.Background(), h.send, edgeclient.Publication{}, in, func(edgeclient.Receipt) error { return nil })
	if err == nil || err.Error() != "line 2 is longer than 1MiB" {
		t.Errorf("error %v", err)
	}
}

func TestPublishingEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	stop := errors.New("stop")
	h := &slowHub{batch: 1 << 30} // never answers
	in, out := io.Pipe()
	done := make(chan error)
	go func() {
		done <- publishLines(ctx, h.send, edgeclient.Publication{}, in, func(edgeclient.Receipt) error { return nil })
	}()
	if _, err := io.WriteString(out, "a\n"); err != nil {
		t.Fatal(err)
	}
	cancel(stop)
	if err := <-done; !errors.Is(err, stop) {
		t.Errorf("error %v", err)
	}
	_ = out.Close()
}
