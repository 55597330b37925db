package filters

import (
	"runtime"
	"sync"
	"time"
)

const (
	// annexMost is how many threads an annex has at most. Of each tenant about as many uses are under way as there are turns, one
	// of which runs and the others wait in the middle of a call, so this is for some hundred tenants that need much at once; a
	// thread takes some 30 KB. Beyond it, uses run where they are called.
	annexMost = 256
	// annexLinger is for how long a thread waits for another use.
	annexLinger = 10 * time.Second
)

// An annex is where guests run that may take long: on threads of their own that get a processor when nothing else wants it, as far as the
// system has that (thread_linux.go). Its zero value is ready to use, by many at once.
type annex struct {
	mu      sync.Mutex
	jobs    chan func(*thread) // to threads that wait for one; guarded by mu, as are the following, but for what is sent
	closing chan struct{}      // closed with the annex
	closed  bool
	threads int
	running sync.WaitGroup
	pace    pace // of all threads
}

// run has job run on a thread of the annex, or here if there is no room: on nil. It returns when job has.
func (a *annex) run(job func(at *thread)) {
	done := make(chan struct{})
	task := func(at *thread) {
		defer close(done)
		job(at)
	}
	if !a.hand(task) {
		job(nil)
		return
	}
	<-done
}

// hand hands a task to a thread that waits, or to a new one. False: there can't be any.
func (a *annex) hand(task func(*thread)) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed || !lowThreads {
		return false
	}
	if a.jobs == nil {
		a.jobs, a.closing = make(chan func(*thread)), make(chan struct{})
	}
	select {
	case a.jobs <- task:
		return true
	default:
	}
	if a.threads == annexMost {
		return false
	}
	a.threads++
	a.running.Go(func() { a.work(task) })
	return true
}

// work does one task after the other.
func (a *annex) work(task func(*thread)) {
	runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine, as its priority can't be had back
	lowerThread()
	at := &thread{pace: &a.pace}
	linger := time.NewTimer(annexLinger)
	defer linger.Stop()
	for task != nil {
		task(at)
		linger.Reset(annexLinger)
		select {
		case task = <-a.jobs:
		case <-linger.C:
			task = nil
		case <-a.closing:
			task = nil
		}
	}
	a.mu.Lock()
	a.threads--
	a.mu.Unlock()
}

// close lets no more begin, and waits for all that runs.
func (a *annex) close() {
	a.mu.Lock()
	if !a.closed && a.closing != nil {
		close(a.closing)
	}
	a.closed = true
	a.mu.Unlock()
	a.running.Wait()
}
