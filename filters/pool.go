package filters

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"weir/proto/fault"
)

// A pool holds the instances of one Filter. The last one used is the next one used, so that few are warm and the others
// are never made.
type pool struct {
	program *program
	// slots holds a token per instance in use; its capacity bounds them.
	slots  chan struct{}
	closed chan struct{}
	terms  Terms
	lines  Lines        // of all its instances
	silent atomic.Int64 // lines left out since the last that was not

	mu   sync.Mutex
	idle []*instance // guarded by mu
}

func newPool(p *program, terms Terms) *pool {
	return &pool{program: p, slots: make(chan struct{}, p.engine.limits.Instances), closed: make(chan struct{}), terms: terms}
}

// get returns an instance for one call. private says that the call serves one subscriber alone.
func (p *pool) get(ctx context.Context, private bool) (*instance, error) {
	if err := p.enter(ctx); err != nil {
		return nil, err
	}
	if err := p.begin(ctx); err != nil {
		<-p.slots
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
		p.end(Cost{Calls: 1, Failures: 1})
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

// begin waits until a guest may run. A slot is held: were it taken only then, whoever may run could wait for one of those who
// may not.
func (p *pool) begin(ctx context.Context) error {
	if p.terms.Account == nil {
		return nil
	}
	return p.terms.Account.Begin(ctx)
}

// end is the reverse of begin.
func (p *pool) end(c Cost) {
	if p.terms.Account != nil {
		p.terms.Account.End(c)
	}
}

// instantiate makes an instance within the limits that hold now.
func (p *pool) instantiate(ctx context.Context) (*instance, error) {
	e := p.program.engine
	if err := e.begins(p.program.manifest, p.terms.Bounds); err != nil {
		return nil, failed("its start", nonsense("%v", err))
	}
	return p.program.instantiateFor(ctx, e.within(p.terms.Bounds), p)
}

// line reports whether a line may be logged now, of at most so many a second, and how many were left out before it. A line
// that has no pool is of a module's first start.
func (p *pool) line(most int) (leftOut int64, ok bool) {
	if p == nil {
		return 0, true
	}
	now, shared := time.Now(), p.terms.Lines
	p.lines.SetMost(most)
	switch {
	case !p.lines.take(now):
		if shared != nil {
			shared.drop()
		}
	case shared == nil || shared.take(now):
		return p.silent.Swap(0), true
	}
	p.silent.Add(1)
	return 0, false
}

// listener returns who is told what guests say, nil if nobody is.
func (p *pool) listener() Listener {
	if p == nil {
		return nil
	}
	return p.terms.Listener
}

func closedFault() error {
	return fault.New(fault.Unavailable, "the filter is closed").WithCause(errClosed)
}

// ready makes sure that an instance, or a new one for nil, knows nothing that it must not know in the coming call: what
// served one subscriber alone is forgotten before anything else, and everything once in a while.
func (p *pool) ready(ctx context.Context, in *instance, private bool) (*instance, error) {
	limits := p.program.engine.within(p.terms.Bounds)
	if in != nil && !p.fit(in, limits, private) {
		p.discard(in)
		in = nil
	}
	if in == nil {
		var err error
		start := time.Now()
		if in, err = p.instantiate(ctx); err != nil {
			return nil, err
		}
		in.governor.due += time.Since(start)
	}
	in.limits = limits
	in.calls++
	in.private = private
	return in, nil
}

// fit makes sure of an instance that has been used. False: it has to be replaced.
func (p *pool) fit(in *instance, limits Limits, private bool) bool {
	if in.memory.Size() > limits.MemoryPages*pageBytes {
		return false
	}
	if in.calls == 0 || !private && !in.private && in.calls < restoreEvery {
		return true
	}
	return p.program.pristine.restore(in)
}

// put gives back an instance after a call. One whose call failed is not used again: nobody knows what state it is in.
func (p *pool) put(in *instance, failed bool) {
	if failed {
		start := time.Now()
		p.discard(in)
		in.governor.due += time.Since(start)
	}
	in.cost.Spent, in.governor.due = in.governor.due, 0
	p.end(in.cost)
	in.cost, in.event = Cost{}, nil
	if !failed {
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
