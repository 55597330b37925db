package private

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// A Gate holds checks back until everything is there that they ask, and fails them once the process is to be sent
// nothing more. Its zero value is for a process that is starting. It is safe for concurrent use.
type Gate struct{ started, stopping atomic.Bool }

// Start lets the checks through.
func (g *Gate) Start() { g.started.Store(true) }

// Stop has all checks fail from now on.
func (g *Gate) Stop() { g.stopping.Store(true) }

// Open reports whether the checks are let through.
func (g *Gate) Open() bool { return g.started.Load() && !g.stopping.Load() }

// Check returns a check that is held back so.
func (g *Gate) Check(name string, run func(context.Context) error) Check {
	return Check{name, func(ctx context.Context) error {
		switch {
		case g.stopping.Load():
			return errors.New("stopping")
		case !g.started.Load():
			return errors.New("starting")
		}
		return run(ctx)
	}}
}

// NewRegistry returns a registry that already has what is known of the process.
func NewRegistry() *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}
