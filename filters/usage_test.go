package filters

import (
	"fmt"
	"testing"

	"github.com/tetratelabs/wazero"

	"weir/filters/examples"
	"weir/filters/internal/meter"
	wt "weir/filters/internal/wasmtest"
)

// spent returns the fuel that do uses.
func spent(f *Filter, do func()) uint64 {
	before := f.Usage().Fuel
	do()
	return f.Usage().Fuel - before
}

func TestUsageIsCounted(t *testing.T) {
	refuses := wt.Guest().With(wt.GuestPrepare, wt.Const64(wt.Failed(0, 0))).With(wt.GuestMatch, wt.Trap())
	f := openGuest(t, refuses)
	if u := f.Usage(); u != (Usage{}) {
		t.Errorf("before the first call: %+v", u)
	}
	if _, err := f.Prepare(t.Context(), nil); err == nil {
		t.Fatal("no refusal")
	}
	var set Set
	set.Add(nil)
	if err := f.Match(t.Context(), event(t, "{}"), &set, NewBitmap(1)); err == nil {
		t.Fatal("no failure")
	}
	// A constant and a trap, a unit each; and the memory of an instance and weir_buf, once: putting an instance back gives it
	// its first buffer again.
	upkeep := uint64(f.Manifest().MemoryPages)*meter.PageCost + 1
	if u := f.Usage(); u != (Usage{Calls: 2, Failures: 1, Fuel: 2, Upkeep: upkeep}) {
		t.Errorf("after a refusal and a failure: %+v", u)
	}
}

func TestSpentFuelIsUsedToTheUnit(t *testing.T) {
	f := openGuest(t, wt.Guest().With(wt.GuestMatch, wt.Forever(), wt.Const64(0)))
	set := &Set{}
	set.Add(nil)
	set.Add(nil)
	for range 3 {
		used := spent(f, func() {
			if err := f.Match(t.Context(), event(t, "{}"), set, NewBitmap(2)); err == nil {
				t.Fatal("it came to an end")
			}
		})
		if want := uint64(testLimits.CallFuel + 2*testLimits.GroupFuel); used != want {
			t.Errorf("used %d, want %d", used, want)
		}
	}
}

func TestHostCallsCostFuel(t *testing.T) {
	g := logging(nil, nil)
	g.Funcs[wt.GuestMatch].Code = wt.Code(wt.Repeat(5, 10, wt.Const(0), wt.Const(0), wt.Call(0)), wt.Const64(0))
	f := openGuest(t, g)
	if used := spent(f, func() { matches(t, f, event(t, "{}"), nil) }); used < 10*hostCallFuel || used > 11*hostCallFuel {
		t.Errorf("10 lines cost %d", used)
	}
}

// TestFuelIsTheSameEverywhere has the examples answer on instances that are new, used, and interpreted instead of
// compiled, which stands in for another processor. Each call must use the same fuel to the unit.
func TestFuelIsTheSameEverywhere(t *testing.T) {
	for _, example := range examples.All() {
		e, other := newEngine(t, Config{}), newEngine(t, Config{})
		other.machine = wazero.NewRuntimeConfigInterpreter
		used := open(t, e, example.Module)
		var want []uint64
		for range 3 {
			want = fuelOfCalls(t, used, example)
		}
		for name, f := range map[string]*Filter{"used": used, "new": open(t, e, example.Module), "interpreted": open(t, other, example.Module)} {
			if got := fuelOfCalls(t, f, example); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s, %s: %d, want %d", example.Name, name, got, want)
			}
		}
	}
}

// fuelOfCalls returns what a few calls use, one after the other.
func fuelOfCalls(t *testing.T, f *Filter, example examples.Example) (fuel []uint64) {
	t.Helper()
	var prepared []byte
	fuel = append(fuel, spent(f, func() { prepared = prepare(t, f, example.Params) }))
	set := &Set{}
	for range 100 {
		set.Add(prepared)
	}
	for i := range 20 {
		ev := event(t, fmt.Sprintf(`{"lon":%v,"lat":%v,"padding":"%0*d"}`, float64(i*37)-180, float64(i*9)-90, i*i, i))
		fuel = append(fuel, spent(f, func() {
			if err := f.Match(t.Context(), ev, set, NewBitmap(100)); err != nil {
				t.Fatal(err)
			}
		}))
	}
	return fuel
}
