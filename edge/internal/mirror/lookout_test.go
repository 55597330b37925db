package mirror

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"weir/edge/internal/fakehub"
	"weir/proto/weirpb"
)

// mirrored runs a test with a mirror that is up to date.
func mirrored(t *testing.T, f func(t *testing.T, hub *fakehub.Hub, m *Mirror)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		hub := fakehub.New()
		m := New(hub, discard, newMetrics(t))
		m.Start(func(*State) {})
		defer m.Close()
		if err := m.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		f(t, hub, m)
	})
}

func TestCatchUpWaitsForWhatIsOnItsWay(t *testing.T) {
	mirrored(t, func(t *testing.T, hub *fakehub.Hub, m *Mirror) {
		hub.HoldControl(true)
		hub.Put(&weirpb.Tenant{Name: "newcomer"})
		var catching sync.WaitGroup
		catching.Go(func() {
			if s, err := m.CatchUp(t.Context()); err != nil || !s.HasTenant("newcomer") {
				t.Errorf("caught up with %v, newcomer %v", err, s.HasTenant("newcomer"))
			}
		})
		synctest.Wait()
		time.Sleep(100 * time.Millisecond)
		hub.HoldControl(false)
		catching.Wait()
		if n := hub.Asked(); n != 1 {
			t.Errorf("the hub was asked %d times", n)
		}
	})
}

func TestCatchUpIsBounded(t *testing.T) {
	mirrored(t, func(t *testing.T, hub *fakehub.Hub, m *Mirror) {
		hub.HoldControl(true)
		hub.Put(&weirpb.Tenant{Name: "newcomer"})
		began := time.Now()
		if _, err := m.CatchUp(t.Context()); err == nil || time.Since(began) > lookTimeout {
			t.Errorf("what never comes: %v after %v", err, time.Since(began))
		}
		hub.SetDown(true)
		if _, err := m.CatchUp(t.Context()); !errors.Is(err, fakehub.ErrDown) {
			t.Errorf("while the hub is down: %v", err)
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := m.CatchUp(gone); !errors.Is(err, context.Canceled) {
			t.Errorf("a caller that has gone: %v", err)
		}
	})
}

// TestStormCostsFewQuestions has clients ask all the time for what there is not, for a minute.
func TestStormCostsFewQuestions(t *testing.T) {
	mirrored(t, func(t *testing.T, hub *fakehub.Hub, m *Mirror) {
		began, answered := time.Now(), 0
		var mu sync.Mutex
		var storm sync.WaitGroup
		for range 100 {
			storm.Go(func() {
				for time.Since(began) < time.Minute {
					if _, err := m.CatchUp(t.Context()); err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					answered++
					mu.Unlock()
				}
			})
		}
		storm.Wait()
		if n, most := hub.Asked(), looksAtOnce+int(time.Minute/lookInterval)+1; n > most || answered < 100*n/2 {
			t.Errorf("%d answers cost %d questions, at most %d are allowed", answered, n, most)
		}
		time.Sleep(looksAtOnce * lookInterval)
		before := hub.Asked()
		for range looksAtOnce {
			if _, err := m.CatchUp(t.Context()); err != nil {
				t.Error(err)
			}
		}
		if time.Since(began) > time.Minute+2*looksAtOnce*lookInterval || hub.Asked() != before+looksAtOnce {
			t.Errorf("after a while %d questions were asked, want %d", hub.Asked()-before, looksAtOnce)
		}
	})
}

// TestQuestionsThatFindSomethingAreNotRationed makes and asks again and again.
func TestQuestionsThatFindSomethingAreNotRationed(t *testing.T) {
	mirrored(t, func(t *testing.T, hub *fakehub.Hub, m *Mirror) {
		began := time.Now()
		for range 10 * looksAtOnce {
			hub.HoldControl(true)
			hub.Put(&weirpb.Tenant{Name: "newcomer"})
			var catching sync.WaitGroup
			catching.Go(func() {
				if _, err := m.CatchUp(t.Context()); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
			hub.HoldControl(false)
			catching.Wait()
		}
		if took := time.Since(began); took > 0 {
			t.Errorf("it took %v", took)
		}
	})
}

func TestCatchUpEndsWithTheMirror(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := fakehub.New()
		m := New(hub, discard, newMetrics(t))
		m.Start(func(*State) {})
		synctest.Wait()
		hub.HoldControl(true)
		hub.Put(&weirpb.Tenant{Name: "newcomer"})
		var catching sync.WaitGroup
		for range 3 {
			catching.Go(func() {
				if _, err := m.CatchUp(t.Context()); err == nil {
					t.Error("caught up")
				}
			})
			synctest.Wait()
		}
		m.Close()
		catching.Wait()
		if _, err := m.CatchUp(t.Context()); err == nil {
			t.Error("caught up after Close")
		}
	})
}
