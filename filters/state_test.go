package filters

import (
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
