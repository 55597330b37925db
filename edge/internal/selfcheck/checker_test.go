package selfcheck

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"weir/edge/internal/metrics"
	"weir/filters"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// subject takes some time for a check.
type subject struct {
	takes  time.Duration
	checks atomic.Int64
	same   bool
	err    error
}

func (s *subject) Recheck(context.Context, *filters.Sample) (bool, error) {
	time.Sleep(s.takes) // in a bubble
	s.checks.Add(1)
	return s.same, s.err
}

func start(t *testing.T) *Checker {
	t.Helper()
	m, err := metrics.New(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	return Start(m)
}

func (c *Checker) offer(s Subject, tenant string) {
	var set filters.Set
	set.Add([]byte("params"))
	c.Offer(s, tenant, []byte("event"), &set, filters.NewBitmap(1), 0)
}

func (c *Checker) counted(result string) float64 {
	return testutil.ToFloat64(c.metrics.FilterRechecks.WithLabelValues(result))
}

func TestChecksTakeAPercentOfACPU(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t)
		defer c.Close()
		s := &subject{takes: 50 * time.Millisecond, same: true}
		const seconds = 100
		for range 10 * seconds {
			for tenant := range 5 {
				c.offer(s, fmt.Sprint("tenant-", tenant))
			}
			time.Sleep(100 * time.Millisecond)
		}
		if n := s.checks.Load(); n < seconds/5-1 || n > seconds/5+1 {
			t.Errorf("%d checks of 50 ms in %d s", n, seconds)
		}
		if c.counted("dropped") == 0 {
			t.Error("nothing was dropped, or it was not counted")
		}
	})
}

func TestATenantWaitsForItsTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t)
		defer c.Close()
		busy, quiet := &subject{same: true}, &subject{same: true}
		for range 1000 {
			c.offer(busy, "busy")
		}
		c.offer(quiet, "quiet")
		synctest.Wait()
		if busy.checks.Load() != 1 || quiet.checks.Load() != 1 {
			t.Errorf("%d checks of the busy tenant, %d of the quiet one; want 1 each", busy.checks.Load(), quiet.checks.Load())
		}
		time.Sleep(tenantInterval)
		c.offer(busy, "busy")
		synctest.Wait()
		if n := busy.checks.Load(); n != 2 {
			t.Errorf("%d checks of the busy tenant after a while", n)
		}
	})
}

func TestResultsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t)
		defer c.Close()
		for i, s := range []*subject{{same: true}, {}, {err: errors.New("closed")}} {
			c.offer(s, fmt.Sprint(i))
			synctest.Wait()
		}
		for _, result := range []string{"same", "differs", "undecided"} {
			if n := c.counted(result); n != 1 {
				t.Errorf("%s is counted %v times", result, n)
			}
		}
	})
}

func TestTenantsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t)
		defer c.Close()
		for i := range 3 * tenantsMost {
			c.turnOf(fmt.Sprint(i), time.Now())
		}
		if n := len(c.next); n > tenantsMost {
			t.Errorf("%d tenants are remembered", n)
		}
	})
}

func TestCloseDoesNotWaitForThePause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := start(t)
		c.offer(&subject{takes: time.Second, same: true}, "acme")
		synctest.Wait()
		began := time.Now()
		c.Close()
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("closing took %v", took)
		}
	})
}
