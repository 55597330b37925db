package hub

import (
	"context"
	"sync"
	"sync/atomic"

	"weir/proto/fault"
)

// A status says whether the hub serves.
type status struct {
	// leading is whether requests are taken: the fast path of what mu guards.
	leading atomic.Bool

	mu sync.Mutex
	// failed is why the hub never will serve again, nil while it may. Guarded by mu.
	failed error
	// closed is whether goroutines may no longer be started. Guarded by mu.
	closed bool
	// changed is closed and replaced when something changes. Guarded by mu.
	changed chan struct{}
}

var errNotLeading = fault.New(fault.Unavailable, "the hub is starting or has lost the lead").
	WithHint("try again in a moment")

func (s *status) init() { s.changed = make(chan struct{}) }

// lead says that the hub leads and has caught up, or not.
func (s *status) lead(leads bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leading.Store(leads && s.failed == nil)
	s.notify()
}

// fail says that the hub serves no longer. The first reason stands.
func (s *status) fail(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.leading.Store(false)
	if s.failed == nil {
		s.failed = why
	}
	s.notify()
}

// close is fail for the last time.
func (s *status) close(why error) {
	s.fail(why)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
}

// spawn runs f as one of running, unless the hub is closing and may be waiting for them already.
func (s *status) spawn(running *sync.WaitGroup, f func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	running.Go(f)
	return true
}

// notify requires mu.
func (s *status) notify() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// check returns why a request can't be taken now.
func (s *status) check() error {
	if s.leading.Load() {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed != nil {
		return s.failed
	}
	return errNotLeading
}

func (s *status) ready(ctx context.Context) error {
	for {
		s.mu.Lock()
		failed, changed := s.failed, s.changed
		s.mu.Unlock()
		switch {
		case failed != nil:
			return failed
		case s.leading.Load():
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-changed:
		}
	}
}
