package fuel

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// drain spends from a bucket, call after call of so much fuel in no time, for a while. It returns how much was used and how many
// calls were refused; who is refused comes back after a while.
func drain(ctx context.Context, b *bucket, callers int, call uint64) (used uint64, refused int) {
	var mu sync.Mutex
	var running sync.WaitGroup
	for range callers {
		running.Go(func() {
			for ctx.Err() == nil {
				err := b.await(ctx)
				mu.Lock()
				switch {
				case err == nil:
					b.spend(call)
					used += call
				case errors.Is(err, ErrExhausted):
					refused++
				}
				mu.Unlock()
				if errors.Is(err, ErrExhausted) {
					time.Sleep(10 * time.Millisecond)
				}
			}
		})
	}
	running.Wait()
	return used, refused
}

func TestRateHolds(t *testing.T) {
	const rate = 1_000_000
	for _, callers := range []int{1, 10} {
		for _, call := range []uint64{10, 10_000, 3 * rate} {
			synctest.Test(t, func(t *testing.T) {
				var b bucket
				b.setRate(rate)
				const d = 4 * time.Second // patience is not over
				ctx, cancel := context.WithTimeout(t.Context(), d)
				defer cancel()
				used, refused := drain(ctx, &b, callers, call)
				allowed := uint64(rate * (d + burst).Seconds())
				if used < allowed*9/10 || used > allowed+uint64(callers)*call || refused > 0 {
					t.Errorf("%d callers, calls of %d: used %d of %d, %d refused", callers, call, used, allowed, refused)
				}
			})
		}
	}
}

func TestWaitsEndWithPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rate = 1_000_000
		var b bucket
		b.setRate(rate)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		used, refused := drain(ctx, &b, 4, 1000)
		if allowed := uint64(rate * (20*time.Second + burst).Seconds()); used < allowed*9/10 || used > allowed+4000 {
			t.Errorf("used %d of %d", used, allowed)
		}
		if refused == 0 {
			t.Error("nobody was refused")
		}
		// After a rest the next who need more than there is have to wait again, and are not refused at once.
		time.Sleep(rest + burst)
		b.mu.Lock()
		b.fill(time.Now())
		b.mu.Unlock()
		b.spend(2 * rate) // a second's worth too much
		start := time.Now()
		if err := b.await(t.Context()); err != nil || time.Since(start) < 900*time.Millisecond {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}

func TestRateChangesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bucket
		b.setRate(1000)
		b.spend(1000 + 1_000_000)
		go func() {
			time.Sleep(3 * time.Second)
			b.setRate(1_000_000)
		}()
		start := time.Now()
		if err := b.await(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took < 3*time.Second || took > 3*time.Second+burst+longestWait {
			t.Errorf("waited for %v", took)
		}
		b.setRate(10)
		if b.balance.Load() > 10 {
			t.Error("a lower rate leaves the burst of the higher one")
		}
	})
}

func TestWaitForFuelEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bucket
		b.setRate(1)
		b.spend(1000)
		gone := errors.New("gone")
		ctx, cancel := context.WithCancelCause(t.Context())
		go cancel(gone)
		if err := b.await(ctx); !errors.Is(err, gone) {
			t.Error(err)
		}
	})
}
