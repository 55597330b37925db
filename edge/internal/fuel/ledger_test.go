package fuel

import (
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"weir/edge/internal/metrics"
	"weir/filters"
	"weir/filters/examples"
	"weir/proto/weirpb"
)

// A fakeState has limits by tenant, and by tenant and filter.
type fakeState struct {
	tenants map[string]*weirpb.FilterLimits
	filters map[filterID]*weirpb.FilterLimits
}

func (s *fakeState) HasTenant(tenant string) bool {
	_, known := s.tenants[tenant]
	return known
}
func (s *fakeState) TenantLimits(tenant string) *weirpb.FilterLimits { return s.tenants[tenant] }
func (s *fakeState) FilterLimits(tenant, filter string) *weirpb.FilterLimits {
	return s.filters[filterID{tenant, filter}]
}

var testRates = Rates{FuelPerSecond: 1000, FuelPerSecondMost: 5000, LogLines: 10, LogLinesMost: 100}

func newLedger(t testing.TB, state State) (*Ledger, *metrics.Metrics) {
	t.Helper()
	m, err := metrics.New(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	return NewLedger(1, testRates, state, m), m
}

func (a *Account) rate() int64 {
	a.bucket.mu.Lock()
	defer a.bucket.mu.Unlock()
	return a.bucket.rate
}

func TestLimitsOfTheControlStateHold(t *testing.T) {
	state := &fakeState{tenants: map[string]*weirpb.FilterLimits{"acme": nil}}
	l, _ := newLedger(t, state)
	acme := l.Terms("acme", "f")
	account, _ := acme.Account.(*Account)
	if again := l.Terms("acme", "g"); again.Account != acme.Account || again.Lines != acme.Lines || again.Bounds == acme.Bounds {
		t.Error("another filter of the tenant runs on other terms")
	}
	if account.rate() != testRates.FuelPerSecond {
		t.Errorf("by default the rate is %d", account.rate())
	}
	for _, c := range []struct{ asked, want uint64 }{{2000, 2000}, {1 << 63, 5000}, {0, 1000}} {
		l.Apply(&fakeState{tenants: map[string]*weirpb.FilterLimits{"acme": {FuelPerSecond: c.asked}}})
		if got := account.rate(); got != int64(c.want) {
			t.Errorf("with %d set the rate is %d", c.asked, got)
		}
	}
	l.Apply(&fakeState{})
	if len(l.accounts)+len(l.bounds) != 0 {
		t.Error("a tenant that is gone is remembered")
	}
}

// Only an operator's limits can be above the defaults: a tenant's own filters' can't.
func TestTenantsDoNotRaiseThemselves(t *testing.T) {
	module := examples.Viewport().Module
	engine, err := filters.New(t.Context(), filters.Config{Limits: filters.Limits{MemoryPages: 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close(t.Context())
	ample := &weirpb.FilterLimits{MemoryPages: 64}
	for _, c := range []struct {
		tenants, own *weirpb.FilterLimits
		fits         bool
	}{{nil, nil, false}, {nil, ample, false}, {ample, nil, true}, {ample, &weirpb.FilterLimits{MemoryPages: 1}, false}} {
		l, _ := newLedger(t, &fakeState{
			tenants: map[string]*weirpb.FilterLimits{"acme": c.tenants}, filters: map[filterID]*weirpb.FilterLimits{{"acme", "f"}: c.own},
		})
		if _, err := engine.InspectFor(t.Context(), module, filters.Terms{Bounds: l.Terms("acme", "f").Bounds}); (err == nil) != c.fits {
			t.Errorf("within %v and %v: %v", c.tenants, c.own, err)
		}
	}
}

func TestLimitsReachTheEngineWhole(t *testing.T) {
	all := &weirpb.FilterLimits{FuelPerCall: 1, FuelPerGroup: 2, MemoryPages: 3, OutputBytes: 4, LogLinesPerSecond: 5}
	want := filters.Limits{CallFuel: 1, GroupFuel: 2, MemoryPages: 3, OutputBytes: 4, LogLines: 5}
	if got := limits(all); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := limits(nil); got != (filters.Limits{}) {
		t.Errorf("of none: %+v", got)
	}
}

func TestUseIsCountedExactly(t *testing.T) {
	l, m := newLedger(t, &fakeState{tenants: map[string]*weirpb.FilterLimits{"acme": {FuelPerSecond: 5000}}})
	account := l.Terms("acme", "f").Account
	for range 3 {
		standing, err := account.Begin(t.Context(), filters.Small)
		if err != nil {
			t.Fatal(err)
		}
		account.End(standing, filters.Cost{Calls: 2, Fuel: 101, Upkeep: 10, Evaluations: 7, OutputBytes: 5})
	}
	for name, c := range map[string]struct {
		counter *prometheus.CounterVec
		want    float64
	}{
		"calls": {m.FilterCalls, 6}, "fuel": {m.FilterFuel, 303}, "upkeep": {m.FilterUpkeep, 30},
		"evaluations": {m.FilterEvaluations, 21}, "output": {m.FilterOutput, 15}, "refused": {m.FilterRefused, 0},
	} {
		if got := testutil.ToFloat64(c.counter.WithLabelValues("acme")); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestTurnTakesNoMemory(t *testing.T) {
	l, _ := newLedger(t, &fakeState{tenants: map[string]*weirpb.FilterLimits{"acme": {FuelPerSecond: 5000}}})
	account := l.Terms("acme", "f").Account
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() {
		if standing, err := account.Begin(ctx, filters.Small); err == nil {
			account.Yield(standing, 0)
			account.End(standing, filters.Cost{Calls: 1, Fuel: 1})
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkTurn(b *testing.B) {
	l, _ := newLedger(b, &fakeState{})
	l.rates.FuelPerSecond, l.rates.FuelPerSecondMost = 1<<60, 1<<60
	account := l.Terms("acme", "f").Account
	ctx := b.Context()
	b.Run("begin and end", func(b *testing.B) {
		for b.Loop() {
			standing, err := account.Begin(ctx, filters.Small)
			if err != nil {
				b.Fatal(err)
			}
			account.End(standing, filters.Cost{Calls: 1, Fuel: 1000, Evaluations: 1000})
		}
	})
	b.Run("yield", func(b *testing.B) {
		for b.Loop() {
			account.Yield(filters.Aside, 0)
		}
	})
}
