package fuel

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"weir/filters"
)

// An Account is one tenant's: all its filters run on it. It is a filters.Account.
type Account struct {
	gate   *Gate
	queue  queue // guarded by the gate's mu
	bucket bucket
	// While the tenant has credit its guests need no turn: slipped is how many run without one. It doesn't matter which.
	credit  credit
	slipped atomic.Int64
	lines   filters.Lines

	fuel, upkeep, calls, evaluations, output, refused prometheus.Counter
	waits                                             prometheus.Counter // seconds
}

// Begin waits until the tenant has fuel and a guest of it may have a turn. The error is ErrExhausted, or ctx's cause.
func (a *Account) Begin(ctx context.Context) error {
	if a.bucket.solvent() && (a.gate.takeFree() || a.slip()) {
		return nil
	}
	start := time.Now()
	err := a.wait(ctx)
	a.waits.Add(time.Since(start).Seconds())
	if errors.Is(err, ErrExhausted) {
		a.refused.Inc()
	}
	return err
}

func (a *Account) wait(ctx context.Context) error {
	for {
		if err := a.bucket.await(ctx); err != nil {
			return err
		}
		if a.slip() {
			return nil
		}
		if err := a.gate.take(ctx, &a.queue); err != nil {
			return err
		}
		if a.bucket.solvent() {
			return nil
		}
		a.gate.give(&a.queue, 0) // calls that were before it have used it all
	}
}

// slipCost is what a guest that runs without a turn is taken to use until it is known: so only so many begin at once.
const slipCost = 50 * time.Microsecond

// slip has a guest run without a turn, if the tenant has credit.
func (a *Account) slip() bool {
	if !a.credit.good() || !a.gate.lane.good() {
		return false
	}
	a.credit.spend(slipCost)
	a.slipped.Add(1)
	return true
}

// unslip ends what slip began, for one of the guests. False: all have turns.
func (a *Account) unslip() bool {
	for {
		n := a.slipped.Load()
		if n == 0 {
			return false
		}
		if a.slipped.CompareAndSwap(n, n-1) {
			a.credit.spend(-slipCost)
			return true
		}
	}
}

// Yield lets other tenants' guests run. A guest that has run without a turn gets itself one, once its tenant has no credit left.
func (a *Account) Yield(spent time.Duration) (waited bool) {
	a.credit.spend(spent)
	switch {
	case a.slipped.Load() == 0 && a.gate.contended() && a.slip():
		a.gate.give(&a.queue, spent) // who waits needs it, and this tenant does not
		return false
	case a.slipped.Load() == 0:
		return a.gate.yield(&a.queue, spent)
	case a.credit.good() && a.gate.lane.good():
		a.gate.lane.spend(spent)
		runtime.Gosched()
		return false
	case a.unslip():
		a.gate.lane.spend(spent)
		return a.gate.resume(&a.queue)
	}
	return a.gate.yield(&a.queue, spent)
}

// End gives the turn back, if there was one, and counts what was used.
func (a *Account) End(c filters.Cost) {
	a.credit.spend(c.Spent)
	if a.unslip() {
		a.gate.lane.spend(c.Spent)
	} else {
		a.gate.give(&a.queue, c.Spent)
	}
	a.bucket.spend(c.Fuel + c.Upkeep)
	a.calls.Add(float64(c.Calls))
	a.fuel.Add(float64(c.Fuel))
	a.evaluations.Add(float64(c.Evaluations))
	if c.Upkeep > 0 {
		a.upkeep.Add(float64(c.Upkeep))
	}
	if c.OutputBytes > 0 {
		a.output.Add(float64(c.OutputBytes))
	}
}
