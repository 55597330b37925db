package filters

import (
	"context"
	"sync"

	"weir/proto/fault"
)

// A pool holds the instances of one Filter. The last one used is the next one used, so that few are warm and the others
// are never made.
type pool struct {
	program *program
	// slots holds a token per instance in use; its capacity bounds them.
	slots  chan struct{}
	closed chan struct{}

	mu   sync.Mutex
	idle []*instance // guarded by mu
}

func newPool(p *program, size int) *pool {
	return &pool{program: p, slots: make(chan struct{}, size), closed: make(chan struct{})}
}

// get returns an instance for one call. private says that the call serves one subscriber alone.
func (p *pool) get(ctx context.Context, private bool) (*instance, error) {
	if err := p.enter(ctx); err != nil {
		return nil, err
	}
	p.mu.Lock()
	var in *instance
	if n := len(p.idle); n > 0 {
		in, p.idle = p.idle[n-1], p.idle[:n-1]
	}
	p.mu.Unlock()
	in, err := p.ready(ctx, in, private)
	if err != nil {
		<-p.slots
		return nil, err
	}
	return in, nil
}

// enter takes a slot.
func (p *pool) enter(ctx context.Context) error {
	select {
	case p.slots <- struct{}{}:
	default:
		select {
		case p.slots <- struct{}{}:
		case <-p.closed:
			return closedFault()
		case <-ctx.Done():
			return unavailable(ctx, "all instances of the filter are busy")
		}
	}
	select {
	case <-p.closed:
		<-p.slots
		return closedFault()
	default:
		return nil
	}
}

func closedFault() error {
	return fault.New(fault.Unavailable, "the filter is closed").WithCause(errClosed)
}

// ready makes sure that an instance, or a new one for nil, knows nothing that it must not know in the coming call: what
// served one subscriber alone is forgotten before anything else, and everything once in a while.
func (p *pool) ready(ctx context.Context, in *instance, private bool) (*instance, error) {
	if in != nil && in.calls > 0 && (private || in.private || in.calls >= restoreEvery) && !p.program.pristine.restore(in) {
		p.discard(in)
		in = nil
	}
	if in == nil {
		var err error
		if in, err = p.program.instantiate(ctx); err != nil {
			return nil, err
		}
	}
	in.calls++
	in.private = private
	return in, nil
}

// put gives back an instance after a call. One whose call failed is not used again: nobody knows what state it is in.
func (p *pool) put(in *instance, failed bool) {
	if failed {
		p.discard(in)
	} else {
		p.mu.Lock()
		p.idle = append(p.idle, in)
		p.mu.Unlock()
	}
	<-p.slots
}

func (p *pool) discard(in *instance) {
	if err := in.close(); err != nil {
		p.program.engine.log.Warn("closing an instance of a filter", "filter", p.program.name(), "error", err)
	}
}

// close waits for calls that are running, lets no more begin and frees all instances. It is called once.
func (p *pool) close() {
	close(p.closed)
	for range cap(p.slots) {
		p.slots <- struct{}{}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, in := range p.idle {
		p.discard(in)
	}
	p.idle = nil
}
