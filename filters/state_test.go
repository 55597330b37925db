package filters

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	wt "weir/filters/internal/wasmtest"
)

// counter returns a guest that counts its calls, in its memory and in a global, and says yes from the second one on. With
// tables it also changes a table, which can't be put back.
func counter(tables bool) *wt.Module {
	remembered := wt.Code(wt.Const(wt.PrivateAt), wt.Load(), wt.GlobalGet(0), wt.Add())
	count := wt.Code(
		wt.Const(wt.PrivateAt), wt.Const(wt.PrivateAt), wt.Load(), wt.Const(1), wt.Add(), wt.Store(),
		wt.GlobalGet(0), wt.Const(1), wt.Add(), wt.GlobalSet(0),
	)
	tell := wt.Code(wt.LocalGet(4), remembered, []byte{0xad}, wt.Const64(1), []byte{0x88}, wt.Const64(0), []byte{0x52, 0xad}, wt.Store64())
	g := wt.Guest().With(wt.GuestMatch, tell, count, wt.Const64(0))
	g.With(wt.GuestPrepare, wt.Const(wt.PrivateAt+8), remembered, wt.Store(), count, wt.Const64(wt.Result(wt.PrivateAt+8, 4)))
	g.WithProject(wt.Const(wt.PrivateAt+8), remembered, wt.Store(), count, wt.Const64(wt.Result(wt.PrivateAt+8, 4)))
	if tables {
		g.Tables = []uint32{1}
		g.Funcs[wt.GuestABI].Code = wt.Code(wt.Const(0), []byte{0xd0, 0x70, 0x26, 0})
	}
	return g
}

const nothing = "\x00\x00\x00\x00"

func TestCallsForOneSubscriberSeeNothingOfOthers(t *testing.T) {
	for _, tables := range []bool{false, true} {
		f := openGuest(t, counter(tables))
		if f.program.pristine.restorable == tables {
			t.Fatalf("restorable is %v with a changed table", tables)
		}
		ev := event(t, "{}")
		for range 3 {
			matches(t, f, ev, nil)
			if p := prepare(t, f, ""); string(p) != nothing {
				t.Errorf("prepare remembers %x", p)
			}
			if matches(t, f, ev, nil) {
				t.Error("match remembers what prepare saw")
			}
			shown, err := f.Project(t.Context(), ev, nil, nil)
			if err != nil || string(shown) != nothing {
				t.Errorf("project remembers %x, %v", shown, err)
			}
		}
	}
}

func TestWhatMatchRemembersIsForgottenSoon(t *testing.T) {
	f := openGuest(t, counter(false))
	ev := event(t, "{}")
	forgotten := 0
	for range 3 * restoreEvery {
		if !matches(t, f, ev, nil) {
			forgotten++
		}
	}
	if forgotten != 3 {
		t.Errorf("in %d calls, it began anew %d times", 3*restoreEvery, forgotten)
	}
}

func TestFiltersOfTheSameModuleShareCodeAndNoState(t *testing.T) {
	e := newEngine(t, Config{})
	module := counter(false).Bytes()
	a, b := open(t, e, module), open(t, e, module)
	if a.program != b.program {
		t.Error("the module was compiled twice")
	}
	ev := event(t, "{}")
	for range 3 {
		matches(t, a, ev, nil)
	}
	if matches(t, b, ev, nil) {
		t.Error("one tenant's filter remembers what another's saw")
	}
}

func TestGrownInstancesBeginAnew(t *testing.T) {
	g := counter(false)
	g.Funcs[wt.GuestMatch].Code = wt.Code(wt.Const(1), wt.Grow(), wt.Drop(), g.Funcs[wt.GuestMatch].Code)
	f := openGuest(t, g)
	ev := event(t, "{}")
	matches(t, f, ev, nil)
	prepare(t, f, "")
	if size := f.pool.idle[0].memory.Size(); size != 8<<16 {
		t.Errorf("the instance of the next call has %d bytes of memory", size)
	}
}

// TestInstancesAgree asks in three ways, which must not make a difference: one instance in order, another backwards with
// other calls in between, and a new one for each event.
func TestInstancesAgree(t *testing.T) {
	e := newEngine(t, Config{})
	forward, backward := open(t, e, viewportModule()), open(t, e, viewportModule())
	set, _ := boxes(t, forward, 100)
	const events = 100
	payload := func(i int) []byte {
		return event(t, fmt.Sprintf(`{"lon":%v,"lat":%v,"padding":%q}`, float64(i*37%360)-180, float64(i*23%180)-90, strings.Repeat("x", i*i)))
	}
	ask := func(f *Filter, i int) Bitmap {
		verdicts := NewBitmap(set.Slots())
		if err := f.Match(t.Context(), payload(i), set, verdicts); err != nil {
			t.Fatal(err)
		}
		return verdicts
	}
	want := make([]Bitmap, events)
	for i := range want {
		want[i] = ask(forward, i)
	}
	for i := events - 1; i >= 0; i-- {
		if i%7 == 0 {
			prepare(t, backward, `{"west":1,"south":2,"east":3,"north":4,"lat":"other"}`)
		}
		if got := ask(backward, i); !slices.Equal(got, want[i]) {
			t.Errorf("event %d, backwards: %x, want %x", i, got, want[i])
		}
	}
	for i := range want {
		fresh, err := e.Open(t.Context(), viewportModule())
		if err != nil {
			t.Fatal(err)
		}
		if got := ask(fresh, i); !slices.Equal(got, want[i]) {
			t.Errorf("event %d, a new instance: %x, want %x", i, got, want[i])
		}
		if err := fresh.Close(); err != nil {
			t.Error(err)
		}
	}
}
