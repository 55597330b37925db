package filters

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	wt "weir/filters/internal/wasmtest"
	"weir/proto/fault"
)

func openFor(t testing.TB, e *Engine, module []byte, terms Terms) *Filter {
	t.Helper()
	f, err := e.OpenFor(t.Context(), module, terms)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

// take returns an instance of a filter as a use of it has, until it is put back.
func take(t *testing.T, f *Filter) *instance {
	t.Helper()
	standing, err := f.pool.admit(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	in, err := f.pool.get(t.Context(), seat{standing: standing}, false)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// A ledger is an Account that adds up.
type ledger struct {
	mu             sync.Mutex
	begun, yielded int
	refuse         error
	cost           Cost
}

func (l *ledger) Begin(context.Context, Size) (Standing, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.begun++
	return Light, l.refuse
}

func (l *ledger) Yield(Standing, time.Duration) Answer {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.yielded++
	return Continue
}

func (l *ledger) End(_ Standing, c Cost) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.begun--
	l.cost.Calls += c.Calls
	l.cost.Failures += c.Failures
	l.cost.Fuel += c.Fuel
	l.cost.Upkeep += c.Upkeep
	l.cost.Evaluations += c.Evaluations
	l.cost.OutputBytes += c.OutputBytes
}

func TestAccountIsToldWhatFiltersUse(t *testing.T) {
	account := &ledger{}
	e := newEngine(t, Config{Limits: testLimits})
	good := openFor(t, e, viewportModule(), Terms{Account: account})
	endless := openFor(t, e, wt.Guest().With(wt.GuestMatch, wt.Forever(), wt.Const64(0)).Bytes(), Terms{Account: account})
	set := &Set{}
	set.Add(prepare(t, good, `{"west":0,"south":0,"east":1,"north":1}`))
	set.Add(prepare(t, good, `{"west":0,"south":0,"east":2,"north":2}`))
	if err := good.Match(t.Context(), event(t, `{"lon":1.5,"lat":1}`), set, NewBitmap(2)); err != nil {
		t.Fatal(err)
	}
	if err := endless.Match(t.Context(), event(t, "{}"), set, NewBitmap(2)); err == nil {
		t.Fatal("it came to an end")
	}
	a, b := good.Usage(), endless.Usage()
	want := Cost{Calls: 4, Failures: 1, Fuel: a.Fuel + b.Fuel, Upkeep: a.Upkeep + b.Upkeep, Evaluations: 4}
	if account.cost != want || account.begun != 0 {
		t.Errorf("told %+v, %d still run, want %+v", account.cost, account.begun, want)
	}
	// As many as there were slices, which are shorter where they take long.
	if slices := int(testLimits.CallFuel / slice); account.yielded < slices || account.yielded > int(testLimits.CallFuel/shortestSlice)+1 {
		t.Errorf("yielded %d times in a call of %d slices", account.yielded, slices)
	}
}

func TestAccountMayRefuse(t *testing.T) {
	refusal := errors.New("not now")
	f := openFor(t, newEngine(t, Config{}), viewportModule(), Terms{Account: &ledger{refuse: refusal}})
	for range 3 * f.program.engine.limits.Instances { // no place is lost
		if _, err := f.Prepare(t.Context(), nil); !errors.Is(err, refusal) {
			t.Fatal(err)
		}
	}
}

func TestBoundsHoldFromTheNextCallOn(t *testing.T) {
	bounds := &Bounds{}
	e := newEngine(t, Config{Limits: testLimits, Most: Limits{CallFuel: 2 * testLimits.CallFuel}})
	f := openFor(t, e, wt.Guest().With(wt.GuestMatch, wt.Forever(), wt.Const64(0)).Bytes(), Terms{Bounds: bounds})
	set := &Set{}
	set.Add(nil)
	for _, c := range []struct {
		tenants, own Limits
		want         int64
	}{
		{Limits{}, Limits{}, testLimits.CallFuel + testLimits.GroupFuel},
		{Limits{CallFuel: 1000, GroupFuel: 10}, Limits{}, 1010},
		{Limits{CallFuel: 1 << 50}, Limits{}, 2*testLimits.CallFuel + testLimits.GroupFuel},
		{Limits{CallFuel: 1000, GroupFuel: 10}, Limits{CallFuel: 100, GroupFuel: 20}, 110},
		{Limits{}, Limits{CallFuel: 1 << 50, GroupFuel: 10}, testLimits.CallFuel + 10}, // a tenant does not raise itself
		{Limits{CallFuel: 1 << 50}, Limits{CallFuel: testLimits.CallFuel + 1, GroupFuel: 10}, testLimits.CallFuel + 11},
	} {
		bounds.Set(c.tenants, c.own)
		used := spent(f, func() {
			if err := f.Match(t.Context(), event(t, "{}"), set, NewBitmap(1)); err == nil {
				t.Fatal("it came to an end")
			}
		})
		if used != uint64(c.want) {
			t.Errorf("within %+v and %+v it used %d, want %d", c.tenants, c.own, used, c.want)
		}
	}
}

func TestMemoryIsBoundedForEachFilter(t *testing.T) {
	// Says yes if it can have 10 more pages.
	g := wt.Guest().With(wt.GuestMatch,
		wt.LocalGet(4), wt.Const(10), wt.Grow(), wt.Const(-1), []byte{0x47}, wt.Store(), wt.Const64(0))
	e := newEngine(t, Config{})
	ten := openFor(t, e, g.Bytes(), Terms{})
	bounds := &Bounds{}
	bounds.Set(Limits{}, Limits{MemoryPages: 12})
	few := openFor(t, e, g.Bytes(), Terms{Bounds: bounds})
	for range 3 {
		if !matches(t, ten, event(t, "{}"), nil) {
			t.Error("10 pages were refused")
		}
		if matches(t, few, event(t, "{}"), nil) {
			t.Error("10 pages were granted where 12 are allowed")
		}
	}
	bounds.Set(Limits{MemoryPages: 100}, Limits{})
	few.pool.idle = nil
	if !matches(t, few, event(t, "{}"), nil) {
		t.Error("10 pages were refused where 100 are allowed")
	}
	bounds.Set(Limits{}, Limits{MemoryPages: 12})
	if matches(t, few, event(t, "{}"), nil) {
		t.Error("an instance outlived its limit")
	}
	bounds.Set(Limits{}, Limits{MemoryPages: 1})
	if _, err := e.OpenFor(t.Context(), viewportModule(), Terms{Bounds: bounds}); fault.CodeOf(err) != fault.ModuleInvalid {
		t.Errorf("a module that begins with more: %v", err)
	}
}
