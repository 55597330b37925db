package filters

import (
	"context"
	"errors"
	"sync"
	"testing"

	wt "weir/filters/internal/wasmtest"
	"weir/proto/fault"
)

func TestOpenCompilesOnceForAll(t *testing.T) {
	e := newEngine(t, Config{})
	filters := make([]*Filter, 8)
	var wg sync.WaitGroup
	for i := range filters {
		wg.Go(func() {
			var err error
			if filters[i], err = e.Open(context.Background(), viewportModule()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, f := range filters {
		if f.program != filters[0].program {
			t.Error("the module was compiled twice")
		}
	}
	for i, f := range filters {
		if len(e.programs) != 1 {
			t.Fatalf("after closing %d of %d filters there are %d programs", i, len(filters), len(e.programs))
		}
		for range 2 { // closing twice is as good as once
			if err := f.Close(); err != nil {
				t.Error(err)
			}
		}
	}
	if len(e.programs) != 0 {
		t.Error("the program is kept though nobody uses it")
	}
}

func TestClosedEngineAndFilterRefuse(t *testing.T) {
	e, err := New(t.Context(), Config{})
	if err != nil {
		t.Fatal(err)
	}
	f, err := e.Open(t.Context(), viewportModule())
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Open(t.Context(), viewportModule()); !errors.Is(err, errClosed) {
		t.Errorf("opening with a closed engine: %v", err)
	}
	prepare(t, f, `{"west":8,"south":47,"east":9,"north":48}`)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Prepare(t.Context(), nil); fault.CodeOf(err) != fault.Unavailable || !errors.Is(err, errClosed) {
		t.Errorf("using a closed filter: %v", err)
	}
}

func TestCloseWaitsForCalls(t *testing.T) {
	f := openGuest(t, wt.Guest().With(wt.GuestMatch, wt.Forever(), wt.Const64(0)))
	var set Set
	set.Add(nil)
	failed := make(chan error, 1)
	in := make(chan struct{})
	go func() {
		close(in)
		failed <- f.Match(context.Background(), event(t, "{}"), &set, NewBitmap(1))
	}()
	<-in
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	// It ran to its bound, or came too late: Close ended no call halfway.
	if err := <-failed; fault.CodeOf(err) != fault.FilterFailed && !errors.Is(err, errClosed) {
		t.Error(err)
	}
}

func TestWaitingForAnInstanceEndsWithTheContext(t *testing.T) {
	e := newEngine(t, Config{Limits: Limits{Instances: 1}})
	f := open(t, e, viewportModule())
	in := take(t, f)
	why := errors.New("the subscriber has left")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	_, err := f.Prepare(ctx, []byte(`{}`))
	if fault.CodeOf(err) != fault.Unavailable || !errors.Is(err, why) {
		t.Errorf("with the only instance in use: %v", err)
	}
	f.pool.put(in, false)
	prepare(t, f, `{"west":8,"south":47,"east":9,"north":48}`)
}

func TestParamsAreBounded(t *testing.T) {
	f := openGuest(t, wt.Guest())
	if _, err := f.Prepare(t.Context(), make([]byte, 16<<10)); err != nil {
		t.Errorf("16 KiB: %v", err)
	}
	if _, err := f.Prepare(t.Context(), make([]byte, 16<<10+1)); fault.CodeOf(err) != fault.FilterParams {
		t.Errorf("a byte more: %v", err)
	}
}
