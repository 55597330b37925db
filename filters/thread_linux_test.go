package filters

import (
	"runtime"
	"syscall"
	"testing"
	"time"
)

const idlePolicy = 5 // SCHED_IDLE

// policy returns the scheduling policy of the calling thread.
func policy(t *testing.T) int {
	t.Helper()
	got, _, err := syscall.RawSyscall(syscall.SYS_SCHED_GETSCHEDULER, 0, 0, 0)
	if err != 0 {
		t.Fatal(err)
	}
	return int(got)
}

func TestThreadTimeStandsStillWhileItWaits(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	start, before := time.Now(), threadTime()
	<-time.After(30 * time.Millisecond)
	if passed := threadTime().Sub(before); passed > 15*time.Millisecond {
		t.Errorf("%v while it waited for %v", passed, time.Since(start))
	}
	for before = threadTime(); threadTime().Sub(before) < time.Millisecond; {
	}
	if ran, passed := threadTime().Sub(before), time.Since(start); ran < time.Millisecond || ran > passed {
		t.Errorf("ran for %v within %v", ran, passed)
	}
}
