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
	ledger *Ledger
	bucket bucket
	lines  filters.Lines

	light credit // while the tenant has some, its guests need no turn
	brief credit // and then, while it has some of this, short ones have turns where they are called
	// Where its guests wait for turns; guarded by each gate's mu.
	waitsBrief, waitsAside queue

	fuel, upkeep, calls, evaluations, output, refused prometheus.Counter
	waits                                             prometheus.Counter // seconds
}

// Begin waits until the tenant has fuel and a guest of it may run: at once and where it is called, while the tenant has used little;
// else in turn, and if it is not for a slice at most, aside. The error is ErrExhausted, or ctx's cause.
func (a *Account) Begin(ctx context.Context, size filters.Size) (filters.Standing, error) {
	if a.bucket.solvent() {
		standing := a.standing(size)
		if standing == filters.Light || a.gate(standing).takeFree() {
			return standing, nil
		}
	}
	start := time.Now()
	standing, err := a.wait(ctx, size)
	a.waits.Add(time.Since(start).Seconds())
	if errors.Is(err, ErrExhausted) {
		a.refused.Inc()
	}
	return standing, err
}

func (a *Account) wait(ctx context.Context, size filters.Size) (filters.Standing, error) {
	for {
		if err := a.bucket.await(ctx); err != nil {
			return 0, err
		}
		standing := a.standing(size)
		if standing == filters.Light {
			return standing, nil
		}
		if err := a.gate(standing).take(ctx, a.queue(standing)); err != nil {
			return 0, err
		}
		if a.bucket.solvent() {
			return standing, nil
		}
		a.gate(standing).give(a.queue(standing), 0) // calls that were before it have used it all
	}
}

// beginCost is what a guest that runs without a turn is taken to use until it is known: so only so many begin at once.
const beginCost = 50 * time.Microsecond

// standing says how a guest may run now. Light ones begin with that.
func (a *Account) standing(size filters.Size) filters.Standing {
	switch {
	case size != filters.Left && a.light.good() && a.ledger.lane.good():
		a.light.spend(beginCost)
		return filters.Light
	case size == filters.Small && a.brief.good():
		return filters.Brief
	}
	return filters.Aside
}

// gate returns where turns are had for guests that run so.
func (a *Account) gate(standing filters.Standing) *Gate {
	if standing == filters.Brief {
		return a.ledger.brief
	}
	return a.ledger.aside
}

func (a *Account) queue(standing filters.Standing) *queue {
	if standing == filters.Brief {
		return &a.waitsBrief
	}
	return &a.waitsAside
}

// Yield lets other tenants' guests run that run aside. One that does not run there leaves: at once if it has a turn, or when its
// tenant has used too much.
func (a *Account) Yield(standing filters.Standing, spent time.Duration) filters.Answer {
	a.light.spend(spent)
	a.brief.spend(spent)
	switch standing {
	case filters.Aside:
		if a.ledger.aside.yield(&a.waitsAside, spent) {
			return filters.Waited
		}
		return filters.Continue
	case filters.Light:
		a.ledger.lane.spend(spent)
		if a.light.good() && a.ledger.lane.good() {
			return filters.Continue
		}
	}
	return filters.Leave
}

// End gives the turn back, if there was one, and counts what was used.
func (a *Account) End(standing filters.Standing, c filters.Cost) {
	a.light.spend(c.Spent)
	a.brief.spend(c.Spent)
	if standing == filters.Light {
		a.light.spend(-beginCost)
		a.ledger.lane.spend(c.Spent)
	} else {
		a.gate(standing).give(a.queue(standing), c.Spent)
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
