package filters

import (
	"context"
	"errors"
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

	// large is how many uses in a row have yet to end within a slice until the filter counts as Small again.
	large atomic.Int32

	mu   sync.Mutex
	idle []*instance // guarded by mu
}

// largeUses is for how many uses a filter is remembered that took longer than a slice. Each time that it comes as a surprise, what
// it has done is done once more, which costs a slice and an instance.
const largeUses = 64

// A seat is where a use runs.
type seat struct {
	standing Standing
	thread   *thread // of the annex; nil: it runs where it is called
}

// now is a time that stands still while a use on a thread of its own waits for a processor, or rests.
func (s seat) now() time.Time {
	if s.thread != nil {
		return threadTime()
	}
	return time.Now()
}

func newPool(p *program, terms Terms) *pool {
	return &pool{program: p, slots: make(chan struct{}, p.engine.limits.Instances), closed: make(chan struct{}), terms: terms}
}

// admit waits until a use may begin, or for one that has left to begin anew, and says how. It takes a slot and what its account
// gives, until put.
func (p *pool) admit(ctx context.Context, left bool) (Standing, error) {
	if err := p.enter(ctx); err != nil {
		return 0, err
	}
	size := Small
	switch {
	case left:
		size = Left
	case p.large.Load() > 0:
		size = Large
	}
	standing, err := p.begin(ctx, size)
	if err != nil {
		<-p.slots
	}
	return standing, err
}

// get returns an instance for a use that has been admitted, which ends if there is none. private says that it serves one
// subscriber alone.
func (p *pool) get(ctx context.Context, at seat, private bool) (*instance, error) {
	p.mu.Lock()
	var in *instance
	if n := len(p.idle); n > 0 {
		in, p.idle = p.idle[n-1], p.idle[:n-1]
	}
	p.mu.Unlock()
	in, err := p.ready(ctx, in, at, private)
	switch {
	case err == nil:
		return in, nil
	case errors.Is(err, errLeft):
		err = errLeft
		p.note(true)
		p.end(at.standing, Cost{})
	default:
		p.end(at.standing, Cost{Calls: 1, Failures: 1})
	}
	<-p.slots
	return nil, err
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
func (p *pool) begin(ctx context.Context, size Size) (Standing, error) {
	if p.terms.Account == nil {
		return Light, nil
	}
	return p.terms.Account.Begin(ctx, size)
}

// end is the reverse of begin.
func (p *pool) end(standing Standing, c Cost) {
	if p.terms.Account != nil {
		p.terms.Account.End(standing, c)
	}
}

// note remembers whether a use took longer than a slice.
func (p *pool) note(large bool) {
	switch {
	case large:
		p.large.Store(largeUses)
	case p.large.Load() > 0:
		p.large.Add(-1) // a little below 0 where several come at once
	}
}

// instantiate makes an instance within the limits that hold now, for a use at a seat.
func (p *pool) instantiate(ctx context.Context, at seat) (*instance, error) {
	e := p.program.engine
	if err := e.begins(p.program.manifest, p.terms.Bounds); err != nil {
		return nil, failed("its start", nonsense("%v", err))
	}
	return p.program.instantiateFor(ctx, e.within(p.terms.Bounds), p, at)
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
func (p *pool) ready(ctx context.Context, in *instance, at seat, private bool) (*instance, error) {
	limits := p.program.engine.within(p.terms.Bounds)
	if in != nil {
		in.governor.enter(at)
	}
	if in != nil && !p.fit(in, limits, private) {
		p.discard(in)
		in = nil
	}
	if in == nil {
		var err error
		start := at.now()
		if in, err = p.instantiate(ctx, at); err != nil {
			return nil, err
		}
		in.governor.due += at.now().Sub(start)
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

// put ends a use, and gives its instance back. One whose call failed is not used again: nobody knows what state it is in.
func (p *pool) put(in *instance, failed bool) {
	if failed {
		start := time.Now()
		p.discard(in)
		in.governor.due += time.Since(start)
	}
	in.cost.Spent, in.governor.due = in.governor.due, 0
	p.note(in.governor.came)
	in.governor.leave()
	p.end(in.governor.seat.standing, in.cost)
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
