package hub

import (
	"sync"
	"sync/atomic"

	"weir/proto/fault"
)

// A status says whether the node serves.
type status struct {
	// serving is whether what every node answers is answered: the fast path of what mu guards.
	serving atomic.Bool

	mu sync.Mutex
	// taking is whether the node takes part in its region's groups. Guarded by mu.
	taking bool
	// failed is why the node never will serve again, nil while it may. Guarded by mu.
	failed error
	// closed is whether goroutines may no longer be started. Guarded by mu.
	closed bool
	// waits is what the node waits for before it takes part, for who asks. Guarded by mu.
	waits error
	// changed is closed and replaced when something changes. Guarded by mu.
	changed chan struct{}
}

var errStarting = fault.New(fault.Unavailable, "the hub is starting").WithHint("try again in a moment")

func (s *status) init() { s.changed = make(chan struct{}) }

// begin says that the node takes part in its region.
func (s *status) begin() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taking, s.waits = true, nil
	s.notify()
}

// takes reports whether the node takes part in its region: what it has of the groups may be looked at.
func (s *status) takes() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.taking
}

// serve says that the node has caught up with its region.
func (s *status) serve() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.taking && s.failed == nil {
		s.serving.Store(true)
		s.notify()
	}
}

// wait says why the node does not take part yet.
func (s *status) wait(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waits = why
	s.notify()
}

// fail says that the node serves no longer. The first reason stands.
func (s *status) fail(why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serving.Store(false)
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
	if s.serving.Load() {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed != nil {
		return s.failed
	}
	return errStarting
}

// A standing is a status at one moment.
type standing struct {
	// failed is why the node never will serve again, and waits what it waits for.
	failed, waits error
	// changed is closed when there is another.
	changed <-chan struct{}
}

func (s *status) get() standing {
	s.mu.Lock()
	defer s.mu.Unlock()
	return standing{s.failed, s.waits, s.changed}
}
