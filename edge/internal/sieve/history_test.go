package sieve

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"weir/edge/internal/selfcheck"
	"weir/filters"
)

func TestFilterThatDependsOnHistoryIsToldOnceAndGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.Checker = selfcheck.Start(b.m)
		defer b.Checker.Close()
		b.module.Found.Store(&filters.Discrepancy{Group: "0123456789ab", Said: "match", Again: "held"})
		for range 2 * sampleEvery {
			if err := b.try(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		c := b.Counts()
		if c.Rechecked != 1 || c.HistoryDependent != 1 || c.Evaluations != 2*sampleEvery || c.Suspended {
			t.Errorf("the first sample is checked, the second comes too soon: %+v", c)
		}
		if n := testutil.ToFloat64(b.m.FilterHistory.WithLabelValues("acme")); n != 1 {
			t.Errorf("the metric is %v", n)
		}
		if _, err := b.Recheck(t.Context(), &filters.Sample{}); err != nil {
			t.Fatal(err)
		}
		if log := b.log.String(); strings.Count(log, "a filter depends on history") != 1 || !strings.Contains(log, "level=ERROR") || !strings.Contains(log, "said=match again=held") {
			t.Errorf("the log is %s", log)
		}
	})
}

func TestOnlySampledCallsAreOffered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.Checker = selfcheck.Start(b.m)
		defer b.Checker.Close()
		for range sampleEvery - 1 {
			if err := b.try(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if n := b.module.Rechecks.Load(); n != 0 {
			t.Errorf("%d checks after %d calls", n, sampleEvery-1)
		}
	})
}

func TestSamplingAllocatesNothing(t *testing.T) {
	b := newBench(t)
	b.Checker = selfcheck.Start(b.m)
	defer b.Checker.Close()
	verdicts := filters.NewBitmap(1)
	ctx := t.Context()
	if n := testing.AllocsPerRun(10*sampleEvery, func() { _ = b.Match(ctx, b.event, &b.set, verdicts) }); n > 0 {
		t.Errorf("a call allocates %v times", n)
	}
}
