package fuel

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/filters"
)

// A customer is a tenant whose guests run on its account: each makes call after call, so long and with such a pause in between. It
// belongs to a bubble of synctest, so its time is virtual.
type customer struct {
	*Account
	guests      int
	call, pause time.Duration

	mu      sync.Mutex // guards the following
	ran     time.Duration
	calls   int
	longest time.Duration // wait, for a call to begin or go on
}

// accounts returns tenants of one edge with so many turns.
func accounts(t *testing.T, turns int, all ...*customer) {
	t.Helper()
	l, _ := newLedger(t, &fakeState{})
	l.gate = NewGate(turns)
	l.rates.FuelPerSecond, l.rates.FuelPerSecondMost = 1<<50, 1<<50
	for i, c := range all {
		c.Account, _ = l.Terms(string(rune('a'+i)), "f").Account.(*Account)
	}
}

func (c *customer) run(ctx context.Context) {
	for ctx.Err() == nil {
		start := time.Now()
		if c.Begin(ctx) != nil {
			return
		}
		c.note(time.Since(start), 0)
		left := c.call
		for ; left > aSlice && ctx.Err() == nil; left -= aSlice {
			time.Sleep(aSlice)
			start = time.Now()
			c.Yield(aSlice)
			c.note(time.Since(start), aSlice)
		}
		left = min(left, aSlice)
		time.Sleep(left)
		c.End(filters.Cost{Calls: 1, Spent: left})
		c.mu.Lock()
		c.calls++
		c.ran += left
		c.mu.Unlock()
		time.Sleep(c.pause)
	}
}

func (c *customer) note(waited, ran time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.longest, c.ran = max(c.longest, waited), c.ran+ran
}

// compete has customers run on an edge for a while, and checks that nothing is left over.
func compete(t *testing.T, turns int, d time.Duration, all ...*customer) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		accounts(t, turns, all...)
		ctx, cancel := context.WithTimeout(t.Context(), d)
		defer cancel()
		var running sync.WaitGroup
		for _, c := range all {
			for range c.guests {
				running.Go(func() { c.run(ctx) })
			}
		}
		running.Wait()
		checkIdle(t, all[0].gate, turns)
		for i, c := range all {
			if n := c.slipped.Load(); n != 0 {
				t.Errorf("tenant %d is left with %d guests without a turn", i, n)
			}
		}
	})
}

func TestLightTenantDoesNotWait(t *testing.T) {
	// Calls as short as those of viewport, some hundred a second; and a longer one, of a few slices, now and then.
	light := &customer{guests: 2, call: 10 * time.Microsecond, pause: 2 * time.Millisecond}
	slow := &customer{guests: 1, call: 5 * aSlice, pause: 10 * time.Millisecond}
	heavy, another := &customer{guests: 20, call: 50 * time.Millisecond}, &customer{guests: 3, call: time.Hour}
	compete(t, 1, 500*time.Millisecond, light, slow, heavy, another)
	if light.longest > 0 || light.calls < 450 || slow.longest > 0 || slow.calls < 48 {
		t.Errorf("waited for %v and %v, %d and %d calls", light.longest, slow.longest, light.calls, slow.calls)
	}
}

func TestWithoutATurnIsForWhoNeedsLittle(t *testing.T) {
	const d = 2 * time.Second
	all := []*customer{{guests: 3, call: time.Hour}, {guests: 8, call: 200 * time.Microsecond}}
	compete(t, 1, d, all...)
	ran := all[0].ran + all[1].ran
	if most := d + 2*(lightMost+slipCost*11); ran < d || ran > most {
		t.Errorf("they ran for %v within %v, of which at most %v may be without a turn", ran, d, most-d)
	}
}

func TestManyLightTenantsLeaveRoom(t *testing.T) {
	// Forty that need a twenty-fifth of a processor each: more than all together may have without turns.
	const d = 300 * time.Millisecond
	heavy := &customer{guests: 2, call: time.Hour}
	all := []*customer{heavy}
	for range 40 {
		all = append(all, &customer{guests: 1, call: 20 * time.Microsecond, pause: 480 * time.Microsecond})
	}
	compete(t, 1, d, all...)
	var ran time.Duration
	for _, c := range all {
		ran += c.ran
	}
	if most := d + time.Duration(lanePart*float64(d)) + laneMost + 40*slipCost; ran > most {
		t.Errorf("they ran for %v within %v, which may be %v", ran, d, most)
	}
}

func TestCreditComesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := credit{part: 0.05, most: 2 * time.Millisecond, debt: 100 * time.Millisecond}
		for range 3 {
			if !c.good() {
				t.Fatal("there is none to begin with")
			}
			c.spend(time.Hour)
			start := time.Now()
			for !c.good() {
				time.Sleep(time.Millisecond)
			}
			if took := time.Since(start); !within(took, 2*time.Second, 0.01) {
				t.Errorf("it is back after %v", took)
			}
		}
		time.Sleep(time.Hour)
		for range 2 { // once what is left, and once what has come back since anybody looked
			if !c.good() {
				t.Error("it has not come back")
			}
			c.spend(2*time.Millisecond + 1)
		}
		if c.good() {
			t.Error("it has come back beyond its bound")
		}
	})
}

// TestAccountsStress has calls begin, yield, end and give up at random, in real time, for the race detector.
func TestAccountsStress(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	all := []*customer{{}, {}, {}}
	accounts(t, 2, all...)
	var running sync.WaitGroup
	for i := range 12 {
		running.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(i)))
			c := all[i%len(all)]
			for range 500 {
				ctx, cancel := context.WithCancel(t.Context())
				if rng.IntN(4) == 0 {
					go cancel()
				}
				if c.Begin(ctx) == nil {
					for range rng.IntN(4) {
						c.Yield(time.Duration(rng.IntN(100_000)))
					}
					c.End(filters.Cost{Calls: 1, Spent: time.Duration(rng.IntN(50_000))})
				}
				cancel()
			}
		})
	}
	running.Wait()
	checkIdle(t, all[0].gate, 2)
	for _, c := range all {
		if n := c.slipped.Load(); n != 0 {
			t.Errorf("left with %d guests without a turn", n)
		}
	}
}
