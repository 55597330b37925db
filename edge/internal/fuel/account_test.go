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
	ran     [filters.Aside + 1]time.Duration
	calls   int
	longest time.Duration // wait, for a call to begin or go on
}

// accounts returns tenants of one edge with so many turns.
func accounts(t *testing.T, turns int, all ...*customer) *Ledger {
	t.Helper()
	_, m := newLedger(t, &fakeState{})
	l := NewLedger(turns, Rates{FuelPerSecond: 1 << 50, FuelPerSecondMost: 1 << 50}, &fakeState{}, m)
	for i, c := range all {
		c.Account, _ = l.Terms(string(rune('a'+i)), "f").Account.(*Account)
	}
	return l
}

func (c *customer) run(ctx context.Context) {
	size := filters.Small
	if c.call > aSlice {
		size = filters.Large
	}
	for ctx.Err() == nil {
		left, err := c.use(ctx, size)
		if left {
			_, err = c.use(ctx, filters.Left)
		}
		if err != nil {
			return
		}
		time.Sleep(c.pause)
	}
}

// use makes a call, or reports that it has had to leave.
func (c *customer) use(ctx context.Context, size filters.Size) (left bool, err error) {
	start := time.Now()
	standing, err := c.Begin(ctx, size)
	if err != nil {
		return false, err
	}
	c.note(standing, time.Since(start), 0)
	rest := c.call
	for ; rest > aSlice && ctx.Err() == nil; rest -= aSlice {
		time.Sleep(aSlice)
		start = time.Now()
		if c.Yield(standing, aSlice) == filters.Leave {
			c.note(standing, 0, aSlice)
			c.End(standing, filters.Cost{})
			return true, nil
		}
		c.note(standing, time.Since(start), aSlice)
	}
	rest = min(rest, aSlice)
	time.Sleep(rest)
	c.End(standing, filters.Cost{Calls: 1, Spent: rest})
	c.note(standing, 0, rest)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	return false, nil
}

func (c *customer) note(standing filters.Standing, waited, ran time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.longest = max(c.longest, waited)
	c.ran[standing] += ran
}

// felt is how long its guests ran where others felt it.
func (c *customer) felt() time.Duration { return c.ran[filters.Light] + c.ran[filters.Brief] }

// compete has customers run on an edge for a while, and checks that nothing is left over.
func compete(t *testing.T, turns int, d time.Duration, all ...*customer) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		l := accounts(t, turns, all...)
		ctx, cancel := context.WithTimeout(t.Context(), d)
		defer cancel()
		var running sync.WaitGroup
		for _, c := range all {
			for range c.guests {
				running.Go(func() { c.run(ctx) })
			}
		}
		running.Wait()
		checkIdle(t, l.brief, turns)
		checkIdle(t, l.aside, turns)
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

// TestHeavyTenantsAreHardlyFelt bounds what tenants that take all they can get run where others feel it, whatever calls they make.
func TestHeavyTenantsAreHardlyFelt(t *testing.T) {
	const d = time.Second
	for _, turns := range []int{1, 3} {
		all := []*customer{
			{guests: 20, call: time.Hour},
			{guests: 40, call: 50 * time.Millisecond},
			{guests: 8, call: 2 * aSlice},
			{guests: 30, call: aSlice}, // as long as they can be and still count as short
			{guests: 10, call: time.Microsecond},
			{guests: 5, call: 100 * time.Microsecond, pause: 100 * time.Microsecond},
		}
		compete(t, turns, d, all...)
		aside := time.Duration(0)
		for i, c := range all {
			part := lightPart + briefPart*float64(turns)
			most := time.Duration(part*float64(d)) + lightMost + briefMost + time.Duration(c.guests)*(aSlice+beginCost)
			if c.felt() > most {
				t.Errorf("%d turns: tenant %d ran for %v of %v where others feel it, at most %v are its part", turns, i, c.felt(), d, most)
			}
			aside += c.ran[filters.Aside]
		}
		if want := time.Duration(turns) * d; !within(aside, want, 0.02) {
			t.Errorf("%d turns: they ran aside for %v, and could for %v", turns, aside, want)
		}
	}
}

func TestWhoNeedsMuchSharesWhatIsLeft(t *testing.T) {
	const d = 2 * time.Second
	all := []*customer{{guests: 20, call: time.Hour}, {guests: 4, call: 2 * time.Millisecond}, {guests: 8, call: 3 * aSlice}}
	compete(t, 2, d, all...)
	for i, c := range all {
		if want := 2 * d / 3; !within(c.ran[filters.Aside], want, 0.05) {
			t.Errorf("tenant %d ran for %v, want %v", i, c.ran[filters.Aside], want)
		}
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
		ran += c.ran[filters.Light]
	}
	if most := time.Duration(lanePart*float64(d)) + laneMost + 40*beginCost; ran > most {
		t.Errorf("they ran without turns for %v within %v, which may be %v", ran, d, most)
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
	l := accounts(t, 2, all...)
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
				if standing, err := c.Begin(ctx, filters.Size(rng.IntN(int(filters.Left)+1))); err == nil {
					for range rng.IntN(4) {
						if c.Yield(standing, time.Duration(rng.IntN(100_000))) == filters.Leave {
							break
						}
					}
					c.End(standing, filters.Cost{Calls: 1, Spent: time.Duration(rng.IntN(50_000))})
				}
				cancel()
			}
		})
	}
	running.Wait()
	checkIdle(t, l.brief, 2)
	checkIdle(t, l.aside, 2)
}
