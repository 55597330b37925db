package fuel

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A Gate lets as many guests run at once as it has turns. Who takes one that is free pays two atomic operations. While some
// wait, turns go to the tenant that has had least since then, whoever holds them: a guest that runs on is asked for its turn
// after each slice of fuel, and gives it up if its tenant has had a stint more. It is safe for concurrent use.
type Gate struct {
	// state has the free turns in its low half and the number of those who wait in its high half. While anybody waits it is
	// changed with mu held only, and no turn is free.
	state atomic.Uint64

	// stint is how much more than others a tenant that holds a turn may have been served before it is asked for it.
	stint time.Duration

	mu sync.Mutex // guards the following, and all queues
	// queues are those in which somebody waits: at most one per tenant.
	queues []*queue
	// period counts the times in which somebody waited. What a tenant was served counts in one of them only.
	period uint64
	// floor is what the tenant had been served that was given the latest turn, or kept it. Who comes now is taken to have been served as
	// much: having been away earns nothing.
	floor time.Duration
	spare []*waiter // to be used again: at most as many as ever waited at once
}

const oneWaiter = 1 << 32

// stint is for how long a guest that runs aside keeps its turn: what passing it on costs, from one thread to another, is some 3 % of
// that.
const stint = 500 * time.Microsecond

// NewGate returns a Gate with so many turns, each for a stint and what is left of a slice then.
func NewGate(turns int, stint time.Duration) *Gate {
	g := &Gate{stint: stint}
	g.state.Store(uint64(turns))
	return g
}

// turnCost is what each call is taken to cost besides the time that the guest runs.
const turnCost = 500 * time.Nanosecond

// A queue is where a tenant's calls wait for a turn, one after the other, and what the tenant has been served.
type queue struct {
	period   uint64
	served   time.Duration // in this period
	waiting  []*waiter     // the first of them, as many as resuming, are in the middle of a call
	resuming int
}

// A waiter is told on ready, which has room for one, that it has a turn.
type waiter struct{ ready chan struct{} }

// take waits for a turn, until ctx ends.
func (g *Gate) take(ctx context.Context, q *queue) error {
	if g.takeFree() {
		return nil
	}
	g.mu.Lock()
	if g.takeFree() { // it has just become free, with nobody waiting
		g.mu.Unlock()
		return nil
	}
	g.refresh(q)
	if len(q.waiting) == 0 {
		before := g.floor
		if next := g.least(); next != nil {
			before = min(before, next.served)
		}
		q.served = max(q.served, before-1) // before those that have had just as much
	}
	w := g.wait(q, len(q.waiting))
	g.mu.Unlock()
	return g.await(ctx, q, w)
}

// takeFree takes a turn that is free, unless others wait.
func (g *Gate) takeFree() bool {
	for {
		s := g.state.Load()
		if s == 0 || s >= oneWaiter {
			return false
		}
		if g.state.CompareAndSwap(s, s-1) {
			return true
		}
	}
}

// contended reports whether anybody waits for a turn.
func (g *Gate) contended() bool { return g.state.Load() >= oneWaiter }

// wait queues one who waits, at a place in the queue. mu is held. If a turn becomes free before that is known, it is passed on
// to whoever is next.
func (g *Gate) wait(q *queue, place int) *waiter {
	var w *waiter
	if n := len(g.spare); n > 0 {
		w, g.spare = g.spare[n-1], g.spare[:n-1]
	} else {
		w = &waiter{ready: make(chan struct{}, 1)}
	}
	if len(q.waiting) == 0 {
		g.queues = append(g.queues, q)
	}
	q.waiting = slices.Insert(q.waiting, place, w)
	if s := g.state.Add(oneWaiter); s%oneWaiter > 0 {
		g.state.Add(^uint64(0)) // a turn was given back between takeFree and here: nobody but us can have it now
		g.grant(g.least())
	}
	return w
}

// await waits for the turn of a waiter that is in q.
func (g *Gate) await(ctx context.Context, q *queue, w *waiter) error {
	var err error
	select {
	case <-w.ready:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if err != nil {
		if i := slices.Index(q.waiting, w); i >= 0 {
			g.dequeue(q, i)
		} else { // the turn has come at the same time
			<-w.ready
			g.pass()
		}
	}
	g.spare = append(g.spare, w)
	return err
}

// give gives a turn back, after running for a time since the last yield.
func (g *Gate) give(q *queue, spent time.Duration) {
	for {
		s := g.state.Load()
		if s >= oneWaiter {
			break
		}
		if g.state.CompareAndSwap(s, s+1) {
			return
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.refresh(q)
	q.served += spent + turnCost
	g.pass()
}

// pass gives a turn that is held to whoever is to have it next, or to nobody. mu is held.
func (g *Gate) pass() {
	if next := g.least(); next != nil {
		g.grant(next)
	} else {
		g.state.Add(1)
	}
}

// yield lets the tenant run that has been served least, if that is another: it reports whether it was, and returns when the turn
// has come back.
func (g *Gate) yield(q *queue, spent time.Duration) (waited bool) {
	if !g.contended() {
		return false
	}
	g.mu.Lock()
	g.refresh(q)
	q.served += spent
	next := g.least()
	if next == nil || next == q || next.served+g.stint >= q.served {
		g.floor = max(g.floor, q.served) // as if it had been given the turn anew
		g.mu.Unlock()
		return false
	}
	w := g.waitOn(q)
	g.grant(next)
	g.mu.Unlock()
	_ = g.await(context.Background(), q, w) // a guest can't be left in the middle of a call
	return true
}

// waitOn queues a guest in the middle of its call, before the tenant's calls that have not begun. mu is held.
func (g *Gate) waitOn(q *queue) *waiter {
	q.resuming++
	return g.wait(q, q.resuming-1)
}

// refresh forgets what a queue was served in an earlier period. mu is held.
func (g *Gate) refresh(q *queue) {
	if q.period != g.period {
		q.period, q.served = g.period, 0
	}
}

// least returns the queue with the least served of those in which somebody waits; nil if nobody does. Of equal ones those come
// first that are not in the middle of a call, and of these who has waited longest. mu is held.
func (g *Gate) least() *queue {
	var found *queue
	for _, q := range g.queues {
		if found == nil || q.served < found.served || q.served == found.served && q.resuming == 0 && found.resuming > 0 {
			found = q
		}
	}
	return found
}

// grant gives a turn to the first in a queue. mu is held.
func (g *Gate) grant(q *queue) {
	g.floor = max(g.floor, q.served)
	w := q.waiting[0]
	g.dequeue(q, 0)
	w.ready <- struct{}{}
}

// dequeue takes one who waits from its queue. The last one ends the period. mu is held.
func (g *Gate) dequeue(q *queue, i int) {
	q.waiting = slices.Delete(q.waiting, i, i+1)
	if i < q.resuming {
		q.resuming--
	}
	if len(q.waiting) == 0 {
		at := slices.Index(g.queues, q)
		g.queues = slices.Delete(g.queues, at, at+1)
	}
	if g.state.Add(^uint64(oneWaiter-1)) < oneWaiter {
		g.period++
		g.floor = 0
	}
}
