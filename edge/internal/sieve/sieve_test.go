package sieve

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"weir/edge/internal/fakefilter"
	"weir/edge/internal/metrics"
	"weir/filters"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type bench struct {
	*Sieve
	module *fakefilter.Range
	set    filters.Set
	event  []byte
	log    bytes.Buffer
	m      *metrics.Metrics
}

func newBench(t *testing.T) *bench {
	t.Helper()
	m, err := metrics.New(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{module: &fakefilter.Range{}, m: m}
	b.Sieve = New(ID{Tenant: "acme", Name: "range", Version: 3}, b.module, true, m, slog.New(slog.NewTextHandler(&b.log, nil)))
	prepared, err := b.Prepare(t.Context(), []byte("1:5"))
	if err != nil {
		t.Fatal(err)
	}
	b.set.Add(prepared)
	b.event = filters.AppendEvent(nil, "c", &weirpb.Event{Offset: 1, Payload: []byte("3")})
	return b
}

// try matches once and returns the error.
func (b *bench) try(ctx context.Context) error {
	return b.Match(ctx, b.event, &b.set, filters.NewBitmap(1))
}

func TestFailingFilterIsSuspendedAndTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.module.Broken.Store(true)
		for i := range tolerated {
			if err := b.try(t.Context()); err == nil || errors.Is(err, ErrSuspended) && err == ErrSuspended {
				t.Fatalf("call %d: %v, want the filter's own failure", i, err)
			}
		}
		calls := b.module.Calls.Load()
		if err := b.try(t.Context()); err != ErrSuspended {
			t.Fatalf("after %d failures: %v, want it suspended", tolerated, err)
		}
		if _, err := b.Project(t.Context(), b.event, nil, nil); err != ErrSuspended {
			t.Errorf("projection of a suspended filter: %v", err)
		}
		if b.module.Calls.Load() != calls {
			t.Errorf("a suspended filter is called")
		}
		time.Sleep(firstSuspension)
		if err := b.try(t.Context()); err == nil || err == ErrSuspended {
			t.Fatalf("after the suspension: %v, want it tried", err)
		}
		time.Sleep(firstSuspension)
		if err := b.try(t.Context()); err != ErrSuspended {
			t.Fatalf("the second suspension is not longer than the first: %v", err)
		}
		b.module.Broken.Store(false)
		time.Sleep(firstSuspension)
		for range 3 {
			if err := b.try(t.Context()); err != nil {
				t.Fatalf("works again, but: %v", err)
			}
		}
		for _, line := range []string{"filter suspended", "filter works again", "filter failed", "version=3"} {
			if !strings.Contains(b.log.String(), line) {
				t.Errorf("the log lacks %q:\n%s", line, b.log.String())
			}
		}
		if got := testutil.ToFloat64(b.m.FilterFailures.WithLabelValues("acme")); got != tolerated+1 {
			t.Errorf("%v failures counted, want %d", got, tolerated+1)
		}
		if got := testutil.ToFloat64(b.m.FilterSuspensions.WithLabelValues("acme")); got != 2 {
			t.Errorf("%v suspensions counted, want 2", got)
		}
	})
}

func TestFailuresAreLoggedNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.module.Broken.Store(true)
		for range 60 {
			_ = b.try(t.Context())
			time.Sleep(time.Second)
		}
		if lines := strings.Count(b.log.String(), "filter failed"); lines == 0 || lines > 6 {
			t.Errorf("%d lines in a minute, want one in 10 s at most", lines)
		}
	})
}

func TestOneFailureNowAndThenIsTolerated(t *testing.T) {
	b := newBench(t)
	for range 10 * tolerated {
		b.module.Broken.Store(true)
		_ = b.try(t.Context())
		b.module.Broken.Store(false)
		if err := b.try(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEndFromOutsideIsNotTheFiltersFault(t *testing.T) {
	b := newBench(t)
	b.module.Broken.Store(true)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 2 * tolerated {
		if err := b.try(ctx); err == ErrSuspended {
			t.Fatal("suspended for calls that were cancelled")
		}
	}
}

func TestRefusedParamsAreNotTheFiltersFault(t *testing.T) {
	b := newBench(t)
	for range 2 * tolerated {
		if _, err := b.Prepare(t.Context(), []byte("nonsense")); fault.CodeOf(err) != fault.FilterParams {
			t.Fatal(err)
		}
	}
	if err := b.try(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestMatchAllocatesNothing(t *testing.T) {
	b := newBench(t)
	verdicts := filters.NewBitmap(1)
	ctx := t.Context()
	if allocs := testing.AllocsPerRun(100, func() { _ = b.Match(ctx, b.event, &b.set, verdicts) }); allocs > 0 {
		t.Errorf("%.1f allocations, want none", allocs)
	}
}

func TestWhatAVersionDoesIsCounted(t *testing.T) {
	b := newBench(t)
	var told []ID
	b.OnSuspend = func(id ID) { told = append(told, id) }
	for range 3 {
		if err := b.try(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Prepare(t.Context(), []byte("nonsense")); err == nil {
		t.Fatal("nonsense is taken")
	}
	b.module.Broken.Store(true)
	for range tolerated + 2 {
		_ = b.try(t.Context())
	}
	want := Counts{Calls: 3 + tolerated, Evaluations: 3, Matches: 3, Failures: tolerated, Refused: 1, Suspensions: 1, Suspended: true}
	if got := b.Counts(); got != want {
		t.Errorf("counted are %+v, want %+v", got, want)
	}
	if len(told) != 1 || told[0] != b.ID {
		t.Errorf("told of suspensions of %v", told)
	}
}

func TestLatestDifferencesAreKept(t *testing.T) {
	var d Differences
	for i := range uint64(3 * samplesMost) {
		d.Note(Difference{Offset: i})
	}
	noted, samples := d.Noted()
	if noted != 3*samplesMost || len(samples) != samplesMost || samples[0].Offset != 2*samplesMost || samples[samplesMost-1].Offset != noted-1 {
		t.Errorf("of %d differences these are kept: %v", noted, samples)
	}
}

func TestInterestIsThatOfFiltersWithRoutes(t *testing.T) {
	b := newBench(t)
	prepared := b.set.Prepared(0)
	if keys, err := b.Interest(t.Context(), prepared); err != nil || keys != nil {
		t.Errorf("a filter without routes: %v, %v", keys, err)
	}
	b.Routes = true
	if keys, err := b.Interest(t.Context(), prepared); err != nil || len(keys) != 2 {
		t.Errorf("of 1:5: %v, %v, want 2 keys", keys, err)
	}
}
