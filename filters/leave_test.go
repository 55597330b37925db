package filters

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	wt "weir/filters/internal/wasmtest"
)

// A chooser is an Account that has uses begin light, leave after so many slices, and then run aside. It notes all that it is told.
type chooser struct {
	slices int

	mu    sync.Mutex // guards the following
	sizes []Size
	ended []Standing
	here  int // slices of uses that did not run aside, since one began
	costs Cost
}

func (c *chooser) Begin(_ context.Context, size Size) (Standing, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sizes, c.here = append(c.sizes, size), 0
	if size == Left {
		return Aside, nil
	}
	return Light, nil
}

func (c *chooser) Yield(standing Standing, _ time.Duration) Answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	if standing == Aside {
		return Continue
	}
	if c.here++; c.here > c.slices {
		return Leave
	}
	return Continue
}

func (c *chooser) End(standing Standing, cost Cost) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = append(c.ended, standing)
	c.costs.Calls += cost.Calls
	c.costs.Failures += cost.Failures
	c.costs.Fuel += cost.Fuel
	c.costs.Upkeep += cost.Upkeep
	c.costs.Evaluations += cost.Evaluations
}

// longGuest returns a guest whose match and keys take some slices each, and say yes.
func longGuest() *wt.Module {
	work := wt.Repeat(5, 500_000)
	g := wt.Guest().WithKeys(wt.Repeat(2, 500_000), wt.Const64(0))
	return g.With(wt.GuestMatch, work, wt.LocalGet(4), wt.Const64(1), wt.Store64(), wt.Const64(0))
}

// TestUseThatLeavesIsCountedOnce compares a filter whose uses leave in the middle with one that is nobody's: the same answers, calls and
// fuel. What was done in vain is upkeep.
func TestUseThatLeavesIsCountedOnce(t *testing.T) {
	e := newEngine(t, Config{})
	for slices := range 4 {
		account := &chooser{slices: slices}
		alone, moved := open(t, e, longGuest().Bytes()), openFor(t, e, longGuest().Bytes(), Terms{Account: account})
		want := spent(alone, func() {
			if !matches(t, alone, event(t, "{}"), nil) {
				t.Error("it says no")
			}
		})
		got := spent(moved, func() {
			if !matches(t, moved, event(t, "{}"), nil) {
				t.Error("it says no once it has left")
			}
		})
		if got != want || moved.Usage().Calls != alone.Usage().Calls || moved.Usage().Failures != 0 {
			t.Errorf("%d slices: %d units in %+v, want %d in %+v", slices, got, moved.Usage(), want, alone.Usage())
		}
		vain := int64(account.costs.Upkeep) - int64(alone.Usage().Upkeep)
		if vain < int64(slices+1)*shortestSlice {
			t.Errorf("%d slices: %d units in vain", slices, vain)
		}
		u := moved.Usage()
		if account.costs.Fuel != u.Fuel || account.costs.Calls != u.Calls || account.costs.Upkeep != u.Upkeep || account.costs.Failures != 0 {
			t.Errorf("the account was told %+v, and the filter has used %+v", account.costs, u)
		}
		if n := len(account.ended); n != len(account.sizes) || account.ended[n-1] != Aside {
			t.Errorf("began as %v, ended as %v", account.sizes, account.ended)
		}
	}
}

// TestIndexedUseThatLeavesIsCountedOnce has a use of two calls, of which each may be the one that leaves.
func TestIndexedUseThatLeavesIsCountedOnce(t *testing.T) {
	e := newEngine(t, Config{})
	set := &Set{}
	for range indexedFrom {
		set.AddInterested(nil, []uint64{KeyAny})
	}
	alone := open(t, e, longGuest().Bytes())
	match := func(f *Filter) uint64 {
		verdicts := NewBitmap(set.Slots())
		return spent(f, func() {
			if err := f.Match(t.Context(), event(t, "{}"), set, verdicts); err != nil || !verdicts.Get(0) {
				t.Errorf("%v, %v", verdicts.Get(0), err)
			}
		})
	}
	want := match(alone)
	for slices := range 8 {
		moved := openFor(t, e, longGuest().Bytes(), Terms{Account: &chooser{slices: slices}})
		if got := match(moved); got != want || moved.Usage().Calls != alone.Usage().Calls || set.Asked() != indexedFrom {
			t.Errorf("%d slices: %d units, %+v, %d asked, want %d and %+v", slices, got, moved.Usage(), set.Asked(), want, alone.Usage())
		}
	}
}

// TestFiltersThatTakeLongAreRemembered looks at what the account is told to expect.
func TestFiltersThatTakeLongAreRemembered(t *testing.T) {
	account := &chooser{}
	f := openFor(t, newEngine(t, Config{}), longGuest().Bytes(), Terms{Account: account})
	for range 2 {
		matches(t, f, event(t, "{}"), nil)
	}
	if i := slices.Index(account.sizes, Left); i < 0 || slices.Contains(account.sizes[:i], Large) || slices.Contains(account.sizes[i:], Small) {
		t.Errorf("uses were expected to be %v", account.sizes)
	}
	small := openFor(t, newEngine(t, Config{}), viewportModule(), Terms{Account: account})
	small.pool.note(true)
	account.sizes = nil
	for range largeUses + 3 {
		prepare(t, small, `{"west":0,"south":0,"east":1,"north":1}`)
	}
	if i := slices.Index(account.sizes, Small); i != largeUses || slices.Contains(account.sizes[i:], Large) {
		t.Errorf("it counts as small after %d uses, want %d", i, largeUses)
	}
}
