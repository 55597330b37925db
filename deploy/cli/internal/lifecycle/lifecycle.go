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
	"time"
)

// A Lifecycle owns what a server has started: its goroutines, and what must be closed in which order. Its methods are
// called by one goroutine.
type Lifecycle struct {
	ctx    context.Context // ends when closing begins
	cancel context.CancelFunc
	failed chan error // the first failure of a goroutine; holds one

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
	ctx, cancel := context.WithCancel(context.Background())
	return &Lifecycle{ctx: ctx, cancel: cancel, failed: make(chan error, 1)}
}

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

// ServeHTTP serves requests on sockets until its turn has come in the order of closing; then it waits for those that are
// being answered.
func (l *Lifecycle) ServeHTTP(name string, server *http.Server, sockets ...net.Listener) {
	if server.ReadHeaderTimeout == 0 {
		server.ReadHeaderTimeout = headerTimeout
	}
	for _, socket := range sockets {
		l.Go(name, func(context.Context) error {
			if err := server.Serve(socket); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		})
	}
	l.OnClose(name, func(ctx context.Context) error {
		if err := server.Shutdown(ctx); err != nil {
			return server.Close() // requests that take longer are cut
		}
		return nil
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
// well. A second call does nothing.
func (l *Lifecycle) Close(grace time.Duration) error {
	l.cancel()
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	var errs []error
	for _, c := range slices.Backward(l.closers) {
		if err := c.close(ctx); err != nil {
			errs = append(errs, fmt.Errorf("close %s: %w", c.name, err))
		}
	}
	l.closers = nil
	l.running.Wait()
	return errors.Join(errs...)
}
