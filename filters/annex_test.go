package filters

import (
	"runtime"
	"sync"
	"testing"
)

func TestAnnexRunsWhatItIsGiven(t *testing.T) {
	var a annex
	var running sync.WaitGroup
	var mu sync.Mutex
	ran := 0
	for range 50 {
		running.Go(func() {
			for range 20 {
				done := false
				a.run(func(at *thread) {
					if (at != nil) != lowThreads {
						t.Errorf("ran apart: %v", at != nil)
					}
					done = true
				})
				mu.Lock()
				if done {
					ran++
				}
				mu.Unlock()
			}
		})
	}
	running.Wait()
	if ran != 50*20 || a.threads > 50 {
		t.Errorf("%d of %d have run, by %d threads", ran, 50*20, a.threads)
	}
	a.close()
	if a.threads != 0 {
		t.Errorf("%d threads are left", a.threads)
	}
	a.run(func(at *thread) {
		if at != nil {
			t.Error("ran in a closed annex")
		}
		ran++
	})
	if ran != 50*20+1 {
		t.Error("a closed annex runs nothing")
	}
	a.close()
}

func TestAnnexIsBounded(t *testing.T) {
	if !lowThreads {
		t.Skip("this system has none")
	}
	var a annex
	var running sync.WaitGroup
	release, inside := make(chan struct{}), make(chan struct{})
	for range annexMost {
		running.Go(func() {
			a.run(func(*thread) {
				inside <- struct{}{}
				<-release
			})
		})
	}
	for range annexMost {
		<-inside
	}
	a.run(func(at *thread) {
		if at != nil {
			t.Error("there was room for one more")
		}
	})
	close(release)
	running.Wait()
	a.run(func(at *thread) {
		if at == nil {
			t.Error("there is no room again")
		}
	})
	a.close()
}

// TestAnnexLeavesOtherThreadsAlone makes sure that who asks goes on as before.
func TestAnnexLeavesOtherThreadsAlone(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var a annex
	defer a.close()
	before := policy(t)
	a.run(func(at *thread) {
		if got := policy(t); at != nil && got != idlePolicy {
			t.Logf("the system does not allow it: policy %d", got)
		}
	})
	if got := policy(t); got != before {
		t.Errorf("the caller's policy was %d and is %d", before, got)
	}
}
