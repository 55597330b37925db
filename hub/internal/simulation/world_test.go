package simulation

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"time"
)

// A world is one history of a region. Everything in it happens on one goroutine, one event after another, in virtual time;
// so a seed always tells the same story.
type world struct {
	random *rand.Rand
	now    time.Time
	began  time.Time
	queue  events
	serial uint64
	bug    bug
	// calm is whether nothing goes wrong any more.
	calm bool
	// refusals is how many publications of a hundred a leader refuses for good.
	refusals int
	// wrong says which promise has been broken first, "" while none has.
	wrong string

	truth   *truth
	tenants *directory
	cuts    cuts
	nodes   []*node
	edges   []*edge
	clients []*client
	raws    []*raw
	readers []*reader
}

// An event is what happens at a time; those of one time happen in the order in which they were planned.
type event struct {
	at     int64 // nanoseconds since the history began
	serial uint64
	do     func()
}

type events []event

func (e events) Len() int      { return len(e) }
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }

func (e events) Less(i, j int) bool {
	if e[i].at != e[j].at {
		return e[i].at < e[j].at
	}
	return e[i].serial < e[j].serial
}

func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	(*e)[len(*e)-1] = event{}
	*e = (*e)[:len(*e)-1]
	return last
}

// at plans something.
func (w *world) at(t time.Time, do func()) {
	if t.Before(w.now) {
		t = w.now
	}
	w.serial++
	heap.Push(&w.queue, event{int64(t.Sub(w.began)), w.serial, do})
}

func (w *world) after(d time.Duration, do func()) { w.at(w.now.Add(d), do) }

// every does something again and again.
func (w *world) every(d time.Duration, do func()) {
	w.after(d, func() {
		do()
		w.every(d, do)
	})
}

// run lets time pass until done says so, a promise is broken, or it is too late; it reports whether done did.
func (w *world) run(until time.Time, done func() bool) bool {
	for w.wrong == "" && len(w.queue) > 0 && w.queue[0].at <= int64(until.Sub(w.began)) {
		e := heap.Pop(&w.queue).(event)
		w.now = w.began.Add(time.Duration(e.at))
		e.do()
		if done() {
			return true
		}
	}
	return false
}

// broken notes that a promise is.
func (w *world) broken(promise, format string, args ...any) {
	if w.wrong == "" {
		w.wrong = fmt.Sprintf("%s after %s: %s", promise, w.now.Sub(w.began), fmt.Sprintf(format, args...))
	}
}

func (w *world) chance(percent int) bool { return w.random.IntN(100) < percent }

// between draws a duration.
func (w *world) between(low, high time.Duration) time.Duration {
	return low + time.Duration(w.random.Int64N(int64(high-low)+1))
}

// hop is how long a message takes; now and then a long while, as with lost packets.
func (w *world) hop() time.Duration {
	if !w.calm && w.chance(3) {
		return w.between(20*time.Millisecond, 400*time.Millisecond)
	}
	return w.between(time.Millisecond, 8*time.Millisecond)
}

// pick draws one of several.
func pick[T any](w *world, all []T) T { return all[w.random.IntN(len(all))] }

// A pipe is one direction of a connection: what is sent arrives in order, or, from some point on, not at all.
type pipe struct {
	w    *world
	last time.Time
	// until is when the connection ended for who receives. Zero: it has not.
	until time.Time
}

// send has do happen when the message arrives.
func (p *pipe) send(do func()) {
	at := p.w.now.Add(p.w.hop())
	if at.Before(p.last) {
		at = p.last
	}
	p.last = at
	p.w.at(at, func() {
		if p.until.IsZero() || !p.w.now.After(p.until) {
			do()
		}
	})
}

// stall holds up what is sent from now on.
func (p *pipe) stall(d time.Duration) {
	if until := p.w.now.Add(d); until.After(p.last) {
		p.last = until
	}
}

// cut ends the pipe: what arrives within late still does.
func (p *pipe) cut(late time.Duration) {
	if p.until.IsZero() {
		p.until = p.w.now.Add(late)
	}
}
