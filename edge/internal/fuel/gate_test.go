package fuel

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// aSlice is how long a guest runs between two yields.
const aSlice = 30 * time.Microsecond

// A guest stands for one of a tenant's: it makes call after call, each so long, with a pause in between. It belongs to a bubble of
// synctest, so its time is virtual.
type guest struct {
	call, pause time.Duration
	after       time.Duration // it begins
	ran         time.Duration
	calls       int
	longest     time.Duration // wait for a turn
}

// run makes calls until ctx ends.
func (u *guest) run(ctx context.Context, g *Gate, q *queue) {
	time.Sleep(u.after)
	for ctx.Err() == nil {
		start := time.Now()
		if g.take(ctx, q) != nil {
			return
		}
		u.longest = max(u.longest, time.Since(start))
		left := u.call
		for ; left > aSlice && ctx.Err() == nil; left -= aSlice {
			time.Sleep(aSlice)
			u.ran += aSlice
			g.yield(q, aSlice)
		}
		left = min(left, aSlice) // more is left only at the end
		time.Sleep(left)
		u.ran += left
		g.give(q, left)
		u.calls++
		if u.pause > 0 {
			time.Sleep(u.pause)
		}
	}
}

// A tenant is some guests with a queue of their own.
type tenant struct {
	queue  queue
	guests []*guest
}

func tenantOf(guests int, call, pause time.Duration) *tenant {
	t := &tenant{}
	for range guests {
		t.guests = append(t.guests, &guest{call: call, pause: pause})
	}
	return t
}

func (t *tenant) ran() (sum time.Duration) {
	for _, u := range t.guests {
		sum += u.ran
	}
	return sum
}

func (t *tenant) longest() (longest time.Duration) {
	for _, u := range t.guests {
		longest = max(longest, u.longest)
	}
	return longest
}

// simulate has tenants compete for a while, and checks that nothing is left over.
func simulate(t *testing.T, turns int, d time.Duration, tenants ...*tenant) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		g := NewGate(turns, 0)
		ctx, cancel := context.WithTimeout(t.Context(), d)
		defer cancel()
		var running sync.WaitGroup
		for _, tenant := range tenants {
			for _, u := range tenant.guests {
				running.Go(func() { u.run(ctx, g, &tenant.queue) })
			}
		}
		running.Wait()
		checkIdle(t, g, turns)
	})
}

func checkIdle(t *testing.T, g *Gate, turns int) {
	t.Helper()
	if s := g.state.Load(); s != uint64(turns) || len(g.queues) != 0 {
		t.Errorf("left with %d free turns and %d who wait, %d queues", s%oneWaiter, s/oneWaiter, len(g.queues))
	}
}

// within reports whether got is want, give or take a share.
func within(got, want time.Duration, share float64) bool {
	return float64(got) > float64(want)*(1-share) && float64(got) < float64(want)*(1+share)
}

func TestTenantsGetEqualShares(t *testing.T) {
	const d = 60 * time.Millisecond
	for _, turns := range []int{1, 2, 3} {
		many, few, short := tenantOf(20, time.Hour, 0), tenantOf(4, 2*time.Millisecond, 0), tenantOf(8, 25*time.Microsecond, 0)
		simulate(t, turns, d, many, few, short)
		for name, tenant := range map[string]*tenant{"many endless calls": many, "few long calls": few, "short calls": short} {
			if want := time.Duration(turns) * d / 3; !within(tenant.ran(), want, 0.03) {
				t.Errorf("%d turns, %s: ran for %v, want %v", turns, name, tenant.ran(), want)
			}
		}
	}
}

func TestTurnsAreNotLeftUnused(t *testing.T) {
	const d = 100 * time.Millisecond
	// One that can use but one turn of three, another that takes what is left.
	one, rest := tenantOf(1, time.Hour, 0), tenantOf(10, time.Millisecond, 0)
	simulate(t, 3, d, one, rest)
	if !within(one.ran(), d, 0.02) || !within(rest.ran(), 2*d, 0.02) {
		t.Errorf("ran for %v and %v", one.ran(), rest.ran())
	}
}

func TestLightTenantWaitsForASliceAtMost(t *testing.T) {
	heavy, another := tenantOf(100, 50*time.Millisecond, 0), tenantOf(3, time.Hour, 0)
	light := tenantOf(1, 10*time.Microsecond, time.Millisecond)
	light.guests[0].after = aSlice // the others have just come, too, so it would be one of three
	simulate(t, 1, 300*time.Millisecond, heavy, another, light)
	if light.longest() > aSlice || light.guests[0].calls < 280 {
		t.Errorf("waited for %v, %d calls", light.longest(), light.guests[0].calls)
	}
	if !within(heavy.ran(), another.ran(), 0.01) || heavy.ran() < 140*time.Millisecond {
		t.Errorf("the heavy ones ran for %v and %v", heavy.ran(), another.ran())
	}
}

// TestAbsenceEarnsNothing has a tenant come when others have long shared the turns: it must not be given what they had meanwhile.
func TestAbsenceEarnsNothing(t *testing.T) {
	const d = 100 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		g := NewGate(1, 0)
		ctx, cancel := context.WithTimeout(t.Context(), 2*d)
		defer cancel()
		early, late := tenantOf(2, time.Hour, 0), tenantOf(2, time.Hour, 0)
		var running sync.WaitGroup
		for _, u := range early.guests {
			running.Go(func() { u.run(ctx, g, &early.queue) })
		}
		time.Sleep(d)
		for _, u := range late.guests {
			running.Go(func() { u.run(ctx, g, &late.queue) })
		}
		running.Wait()
		if !within(late.ran(), d/2, 0.02) {
			t.Errorf("came half way, and ran for %v of %v", late.ran(), d)
		}
	})
}

func TestAllCallsOfATenantGoOn(t *testing.T) {
	// Each is in the middle of a call when it yields to the other tenant, and none is forgotten.
	many, other := tenantOf(4, 10*time.Millisecond, 0), tenantOf(4, 10*time.Millisecond, 0)
	simulate(t, 2, 300*time.Millisecond, many, other)
	for _, u := range append(many.guests, other.guests...) {
		if u.calls < 5 {
			t.Errorf("made %d calls", u.calls)
		}
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := NewGate(1, 0)
		var a, b queue
		if err := g.take(t.Context(), &a); err != nil {
			t.Fatal(err)
		}
		gone := errors.New("gone")
		ctx, cancel := context.WithCancelCause(t.Context())
		result := make(chan error)
		go func() { result <- g.take(ctx, &b) }()
		synctest.Wait()
		cancel(gone)
		if err := <-result; !errors.Is(err, gone) {
			t.Errorf("the wait ended with %v", err)
		}
		if g.yield(&a, time.Second) {
			t.Error("yielded to nobody")
		}
		g.give(&a, 0)
		checkIdle(t, g, 1)
	})
}

// TestStress has goroutines take, yield and give up at random, in real time, for the race detector.
func TestStress(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	const turns = 3
	g := NewGate(turns, 0)
	queues := make([]queue, 4)
	var inside [len("four")]int // guarded by mu
	var mu sync.Mutex
	var running sync.WaitGroup
	for i := range 16 {
		running.Go(func() {
			rng := rand.New(rand.NewPCG(seed, uint64(i)))
			q := i % len(queues)
			for range 500 {
				ctx, cancel := context.WithCancel(t.Context())
				if rng.IntN(4) == 0 {
					go cancel()
				}
				if g.take(ctx, &queues[q]) == nil {
					count(&mu, &inside, q, 1, turns, t)
					for range rng.IntN(3) {
						count(&mu, &inside, q, -1, turns, t)
						g.yield(&queues[q], time.Duration(rng.IntN(100)))
						count(&mu, &inside, q, 1, turns, t)
					}
					count(&mu, &inside, q, -1, turns, t)
					g.give(&queues[q], time.Duration(rng.IntN(100)))
				}
				cancel()
			}
		})
	}
	running.Wait()
	checkIdle(t, g, turns)
}

// count notes that a guest begins or ends, and that no more run than there are turns.
func count(mu *sync.Mutex, inside *[4]int, q, by, turns int, t *testing.T) {
	mu.Lock()
	defer mu.Unlock()
	inside[q] += by
	if sum := inside[0] + inside[1] + inside[2] + inside[3]; sum > turns {
		t.Errorf("%d run at once", sum)
	}
}
