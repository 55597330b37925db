package fuel

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"weir/filters"
)

// An Account is one tenant's: all its filters run on it. It is a filters.Account.
type Account struct {
	gate   *Gate
	queue  queue // guarded by the gate's mu
	bucket bucket
	lines  filters.Lines

	fuel, upkeep, calls, evaluations, output, refused prometheus.Counter
	waits                                             prometheus.Counter // seconds
}

// Begin waits until the tenant has fuel and a guest of it may have a turn. The error is ErrExhausted, or ctx's cause.
func (a *Account) Begin(ctx context.Context) error {
	if a.bucket.solvent() && a.gate.takeFree() {
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
		if err := a.gate.take(ctx, &a.queue); err != nil {
			return err
		}
		if a.bucket.solvent() {
			return nil
		}
		a.gate.give(&a.queue, 0) // calls that were before it have used it all
	}
}

// Yield lets other tenants' guests run.
func (a *Account) Yield(spent time.Duration) (waited bool) { return a.gate.yield(&a.queue, spent) }

// End gives the turn back and counts what was used.
func (a *Account) End(c filters.Cost) {
	a.gate.give(&a.queue, c.Spent)
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
