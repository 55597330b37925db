package filters

import (
	"fmt"
	"os"
	"runtime"
	"strings"
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

// rests returns how often the calling thread has left its processor of its own accord, getrusage(2).
func rests(t *testing.T) int64 {
	t.Helper()
	const thisThread = 1
	var usage syscall.Rusage
	if err := syscall.Getrusage(thisThread, &usage); err != nil {
		t.Fatal(err)
	}
	return usage.Nvcsw
}

// TestThreadsOfTheAnnexRest has a thread run for a time of its own, and counts.
func TestThreadsOfTheAnnexRest(t *testing.T) {
	var a annex
	defer a.close()
	a.run(func(at *thread) {
		const ran = 10 * time.Millisecond
		before, start := rests(t), threadTime()
		at.begin()
		for threadTime().Sub(start) < ran {
			at.breathe()
		}
		if got := rests(t) - before; got < int64(ran/(2*longestStretch)) {
			t.Errorf("it rested %d times in %v", got, ran)
		}
		if allocated := testing.AllocsPerRun(100, at.breathe); allocated > 0 {
			t.Errorf("%v allocations", allocated)
		}
	})
}

// TestCollectorWaitsForNoThreadThatRests has one rest for as long as the test takes.
func TestCollectorWaitsForNoThreadThatRests(t *testing.T) {
	id, done := make(chan int), make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		id <- syscall.Gettid()
		restThread(time.Hour)
	}()
	tid := <-id
	for !asleep(t, tid) {
		runtime.Gosched()
	}
	runtime.GC()
	for ended := false; !ended; {
		if err := syscall.Tgkill(syscall.Getpid(), tid, syscall.SIGURG); err != nil { // which Go sends itself, too, and ignores
			t.Fatal(err)
		}
		select {
		case <-done:
			ended = true
		default:
			runtime.Gosched()
		}
	}
}

// asleep reports whether a thread waits for something, proc_pid_stat(5).
func asleep(t *testing.T, tid int) bool {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/stat", tid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	return strings.HasPrefix(rest, "S")
}
