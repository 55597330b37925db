package fuel

import (
	"cmp"
	"math"
	"sync"

	"weir/edge/internal/metrics"
	"weir/filters"
	"weir/proto/weirpb"
)

// Rates are the edge's own limits of what all filters of one tenant may use together. A tenant's own are cut to Most.
type Rates struct {
	// FuelPerSecond is what a tenant may use that has no limit of its own, and FuelPerSecondMost the highest of those.
	FuelPerSecond, FuelPerSecondMost int64
	// LogLines is how many lines of weir.log a second a tenant's filters may write that has no limit of its own, and
	// LogLinesMost the highest of those.
	LogLines, LogLinesMost int
}

// A State is what a Ledger needs of the control state.
type State interface {
	HasTenant(tenant string) bool
	// TenantLimits returns what a tenant's filters may use, FilterLimits what one of them may: nil, and fields of 0, for the
	// defaults.
	TenantLimits(tenant string) *weirpb.FilterLimits
	FilterLimits(tenant, filter string) *weirpb.FilterLimits
}

// A Ledger has the accounts of an edge's tenants. It is safe for concurrent use.
type Ledger struct {
	turns   int
	brief   *Gate  // for guests that run where they are called
	aside   *Gate  // for those that run aside
	lane    credit // what all tenants together may use without a turn
	rates   Rates
	metrics *metrics.Metrics

	mu    sync.Mutex
	state State // the latest; guarded by mu, as are the following
	// accounts and bounds are of those tenants and filters that have been opened here: at most as many as there are.
	accounts map[string]*Account
	bounds   map[filterID]*filters.Bounds
}

type filterID struct{ tenant, name string }

// NewLedger returns a Ledger for filters that take so many turns, by the control state as it is until Apply.
func NewLedger(turns int, rates Rates, state State, m *metrics.Metrics) *Ledger {
	return &Ledger{
		turns: turns, brief: NewGate(turns, 0), aside: NewGate(turns, stint),
		lane:  credit{part: lanePart, most: laneMost, debt: laneDebt},
		rates: rates, metrics: m, state: state,
		accounts: make(map[string]*Account), bounds: make(map[filterID]*filters.Bounds),
	}
}

// Terms returns on whose behalf a filter of a tenant runs, in all its versions.
func (l *Ledger) Terms(tenant, filter string) filters.Terms {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.accounts[tenant]
	if a == nil {
		a = l.open(tenant)
		l.accounts[tenant] = a
	}
	id := filterID{tenant, filter}
	b := l.bounds[id]
	if b == nil {
		b = &filters.Bounds{}
		l.bind(b, id)
		l.bounds[id] = b
	}
	return filters.Terms{Account: a, Bounds: b, Lines: &a.lines}
}

func (l *Ledger) open(tenant string) *Account {
	label := l.metrics.Tenants.Label(tenant)
	a := &Account{
		ledger: l,
		light:  credit{part: lightPart, most: lightMost, debt: creditDebt},
		brief:  credit{part: briefPart * float64(l.turns), most: briefMost, debt: creditDebt},
		fuel:   l.metrics.FilterFuel.WithLabelValues(label), upkeep: l.metrics.FilterUpkeep.WithLabelValues(label),
		calls: l.metrics.FilterCalls.WithLabelValues(label), evaluations: l.metrics.FilterEvaluations.WithLabelValues(label),
		output: l.metrics.FilterOutput.WithLabelValues(label), refused: l.metrics.FilterRefused.WithLabelValues(label),
		waits: l.metrics.FilterWaits.WithLabelValues(label),
	}
	a.lines.Dropped = l.metrics.FilterLinesDropped.WithLabelValues(label).Inc
	l.limit(a, tenant)
	return a
}

// limit holds an account to its tenant's limits.
func (l *Ledger) limit(a *Account, tenant string) {
	own := l.state.TenantLimits(tenant)
	a.bucket.setRate(min(cmp.Or(clamp(own.GetFuelPerSecond()), l.rates.FuelPerSecond), l.rates.FuelPerSecondMost))
	a.lines.SetMost(min(cmp.Or(int(own.GetLogLinesPerSecond()), l.rates.LogLines), l.rates.LogLinesMost))
}

// Apply holds all accounts and filters to the limits of a new control state, and forgets those that are gone. A filter that is
// about to be closed goes on with the account that it has.
func (l *Ledger) Apply(state State) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state = state
	for tenant, a := range l.accounts {
		if !state.HasTenant(tenant) {
			delete(l.accounts, tenant)
			continue
		}
		l.limit(a, tenant)
	}
	for id, b := range l.bounds {
		if !state.HasTenant(id.tenant) {
			delete(l.bounds, id)
			continue
		}
		l.bind(b, id)
	}
}

// bind holds a filter to its tenant's limits and its own.
func (l *Ledger) bind(b *filters.Bounds, id filterID) {
	b.Set(limits(l.state.TenantLimits(id.tenant)), limits(l.state.FilterLimits(id.tenant, id.name)))
}

func limits(l *weirpb.FilterLimits) filters.Limits {
	return filters.Limits{
		CallFuel: clamp(l.GetFuelPerCall()), GroupFuel: clamp(l.GetFuelPerGroup()), MemoryPages: l.GetMemoryPages(),
		OutputBytes: int(l.GetOutputBytes()), LogLines: int(l.GetLogLinesPerSecond()),
	}
}

// clamp makes a number fit.
func clamp(n uint64) int64 { return int64(min(n, math.MaxInt64)) }
