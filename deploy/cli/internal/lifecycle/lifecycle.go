// Package lifecycle starts what a server consists of, and ends it in order.
package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"weir/proto/fault"
)

// A Lifecycle owns what a server has started: its goroutines, and what must be closed in which order. Its methods are
// called by one goroutine.
type Lifecycle struct {
	ctx    context.Context // ends when closing begins
	cancel context.CancelFunc
	// requests is what requests are answered under: it ends, with ErrStopping, when they have had their grace.
	requests context.Context
	giveUp   context.CancelCauseFunc
	failed   chan error // the first failure of a goroutine; holds one

	running sync.WaitGroup
	closers []closer // in the order of opening
}

// A closer closes one thing; ctx bounds how long it may take over a graceful end.
type closer struct {
	name  string
	close func(ctx context.Context) error
}

// New returns a Lifecycle that has started nothing.
func New() *Lifecycle {
	l := &Lifecycle{failed: make(chan error, 1)}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.requests, l.giveUp = context.WithCancelCause(context.Background())
	return l
}

// ErrStopping is what requests end with that take too long when the server is to stop.
var ErrStopping error = fault.New(fault.Unavailable, "this server is going away: what was asked for may or may not have been done").
	WithHint("ask another one")

// ErrStuck is what Close returns of something that has not ended in time.
var ErrStuck = errors.New("it has not ended in time")

// OnClose has close called by Close, before what was registered earlier.
func (l *Lifecycle) OnClose(name string, close func(context.Context) error) {
	l.closers = append(l.closers, closer{name, close})
}

// Go runs a goroutine that ends when its context does, which is when closing begins. An error makes Wait return.
func (l *Lifecycle) Go(name string, run func(context.Context) error) {
	l.running.Go(func() {
		if err := run(l.ctx); err != nil && l.ctx.Err() == nil {
			l.fail(fmt.Errorf("%s: %w", name, err))
		}
	})
}

// fail reports the first failure; later ones follow from it.
func (l *Lifecycle) fail(err error) {
	select {
	case l.failed <- err:
	default:
	}
}

// GoOwned runs a goroutine as Go does, and stops it when its turn has come in the order of closing rather than at once.
func (l *Lifecycle) GoOwned(name string, run func(context.Context) error) {
	ctx, stop := context.WithCancel(context.WithoutCancel(l.ctx))
	ended := make(chan struct{})
	l.running.Go(func() {
		defer close(ended)
		if err := run(ctx); err != nil && ctx.Err() == nil {
			l.fail(fmt.Errorf("%s: %w", name, err))
		}
	})
	l.OnClose(name, func(context.Context) error {
		stop()
		<-ended
		return nil
	})
}

// headerTimeout bounds how long a client may take over a request's header.
const headerTimeout = 10 * time.Second

// lastAnswers is how long requests that have had their grace may take to be answered that they are given up.
const lastAnswers = time.Second

// ServeHTTP serves requests on sockets until its turn has come in the order of closing; then it waits for those that are
// being answered. When their grace is over their contexts end, and those that do not answer then are cut.
func (l *Lifecycle) ServeHTTP(name string, server *http.Server, sockets ...net.Listener) {
	if server.ReadHeaderTimeout == 0 {
		server.ReadHeaderTimeout = headerTimeout
	}
	server.BaseContext = func(net.Listener) context.Context { return l.requests }
	for _, socket := range sockets {
		l.Go(name, func(context.Context) error {
			if err := server.Serve(socket); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		})
	}
	l.OnClose(name, func(ctx context.Context) error {
		if server.Shutdown(ctx) == nil {
			return nil
		}
		l.giveUp(ErrStopping)
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastAnswers)
		defer cancel()
		if server.Shutdown(last) == nil {
			return nil
		}
		return server.Close()
	})
}

// Wait returns nil when ctx ends, or an error when something that was started has failed.
func (l *Lifecycle) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-l.failed:
		return err
	}
}

// Close ends everything in the reverse order of starting and waits for it. Within grace, what is under way may end
// well. When most is over it returns ErrStuck, with the name of what has not ended: that is left to the end of the process. A
// second call does nothing.
func (l *Lifecycle) Close(grace, most time.Duration) error {
	var at atomic.Pointer[string]
	at.Store(new(string))
	ended := make(chan error, 1)
	go func() { ended <- l.closeAll(grace, &at) }()
	over := time.NewTimer(most)
	defer over.Stop()
	select {
	case err := <-ended:
		return err
	case <-over.C:
		return fmt.Errorf("close %s: %w", *at.Load(), ErrStuck)
	}
}

// closeAll is Close without an end. It says in at what it is waiting for.
func (l *Lifecycle) closeAll(grace time.Duration, at *atomic.Pointer[string]) error {
	l.cancel()
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	var errs []error
	for _, c := range slices.Backward(l.closers) {
		at.Store(&c.name)
		if err := c.close(ctx); err != nil {
			errs = append(errs, fmt.Errorf("close %s: %w", c.name, err))
		}
	}
	l.closers = nil
	rest := "the rest"
	at.Store(&rest)
	l.running.Wait()
	l.giveUp(ErrStopping)
	return errors.Join(errs...)
}
