package filters

import (
	"math"
	"slices"
	"sync"
	"time"

	"weir/proto/fault"
)

// Compiling bounds how much of a processor's time goes into compiling the modules of one owner. The zero value of a field is
// its default.
type Compiling struct {
	// Share of a processor's time that an owner has in the long run. Default 0.5.
	Share float64
	// Burst is how much time an owner has at once, and gets back by Share. Default 30 s.
	Burst time.Duration
}

// Bounds of modules that wait to be compiled, of up to 4 MiB each: of one owner, and of all.
const maxOwnersWaiting, maxWaiting = 32, 128

func (c Compiling) withDefaults() Compiling {
	set(&c.Share, 0.5)
	set(&c.Burst, 30*time.Second)
	return c
}

// A workshop has modules compiled one at a time, as a large one takes much memory and a processor, and can't be interrupted to
// let another go first. So the next one is that of the owner whose modules have taken least time while others waited, and owners
// that have used up their time wait until they have some again. It is safe for concurrent use.
type workshop struct {
	terms Compiling

	mu      sync.Mutex
	busy    bool              // a module is being compiled
	waiting int               // modules
	tickets uint64            // how many have come
	served  time.Duration     // of the owner who was given the latest turn, when it got it
	owners  map[string]*owner // those who wait, or have used time that they have not got back
	timer   *time.Timer       // looks again when somebody has time who has none now; nil: not needed
}

// An owner is one whose modules are compiled. All is guarded by the workshop's mu.
type owner struct {
	queue  []ticket
	served time.Duration // while others waited; who comes back begins with as much as whoever was served last
	debt   time.Duration // of Burst, as of at
	at     time.Time
}

// A ticket is a module that waits.
type ticket struct {
	number uint64
	turn   chan struct{} // closed when it is its turn
}

func newWorkshop(terms Compiling) *workshop {
	return &workshop{terms: terms.withDefaults(), owners: map[string]*owner{}}
}

// enter waits until a module of an owner may be compiled; "" is nobody in particular, whose time is not limited. The fault busy
// says that too many modules wait or, if who asks does not want to wait for time, that the owner has none.
func (w *workshop) enter(name string, patient bool) error {
	mine, err := w.queue(name, patient, time.Now())
	if err != nil {
		return err
	}
	<-mine.turn
	return nil
}

// queue has a module of an owner wait.
func (w *workshop) queue(name string, patient bool, now time.Time) (ticket, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	o := w.owners[name]
	if o == nil {
		o = &owner{at: now}
		w.owners[name] = o
	}
	wait := w.until(name, o, now)
	switch {
	case !patient && wait > 0:
		return ticket{}, fault.New(fault.Busy, "compiling the tenant's modules has taken more than %v lately", w.terms.Burst).
			WithHint("upload again in %v", ceilSecond(wait)).WithRetryAfter(wait)
	case len(o.queue) >= maxOwnersWaiting, w.waiting >= maxWaiting:
		return ticket{}, fault.New(fault.Busy, "%d modules wait to be compiled, %d of them of the tenant", w.waiting, len(o.queue)).
			WithHint("try again in a while").WithRetryAfter(time.Second)
	}
	if len(o.queue) == 0 {
		o.served = max(o.served, w.served)
	}
	w.tickets++
	mine := ticket{w.tickets, make(chan struct{})}
	o.queue = append(o.queue, mine)
	w.waiting++
	w.next(now)
	return mine, nil
}

// leave ends the turn of an owner's module, which has taken so long.
func (w *workshop) leave(name string, spent time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	o := w.owners[name]
	o.debt, o.at = w.debt(o, now)+spent, now
	o.served += spent
	w.busy = false
	w.forget(now)
	w.next(now)
}

// next gives the turn to whoever it is due to, if nobody has it. mu is held.
func (w *workshop) next(now time.Time) {
	if w.busy || w.waiting == 0 {
		return
	}
	var best *owner
	soonest := time.Duration(math.MaxInt64)
	for name, o := range w.owners {
		if len(o.queue) == 0 {
			continue
		}
		if wait := w.until(name, o, now); wait > 0 {
			soonest = min(soonest, wait)
			continue
		}
		if best == nil || o.served < best.served || o.served == best.served && o.queue[0].number < best.queue[0].number {
			best = o
		}
	}
	if best == nil {
		w.lookAgain(soonest)
		return
	}
	w.busy, w.served = true, best.served
	w.waiting--
	close(best.queue[0].turn)
	best.queue = slices.Delete(best.queue, 0, 1)
}

// lookAgain has next called in a while. mu is held.
func (w *workshop) lookAgain(wait time.Duration) {
	if w.timer != nil {
		w.timer.Stop()
	}
	w.timer = time.AfterFunc(wait, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.next(time.Now())
	})
}

// debt returns how much of its time an owner has used and not got back. mu is held.
func (w *workshop) debt(o *owner, now time.Time) time.Duration {
	return max(0, o.debt-time.Duration(w.terms.Share*float64(now.Sub(o.at))))
}

// until returns how long it is until an owner has time again; 0: it has. mu is held.
func (w *workshop) until(name string, o *owner, now time.Time) time.Duration {
	over := w.debt(o, now) - w.terms.Burst
	if name == "" || over < 0 {
		return 0
	}
	return time.Duration(float64(over)/w.terms.Share) + time.Millisecond
}

// forget drops owners who neither wait nor have used time that they have not got back. mu is held.
func (w *workshop) forget(now time.Time) {
	for name, o := range w.owners {
		if len(o.queue) == 0 && (name == "" || w.debt(o, now) == 0) {
			delete(w.owners, name)
		}
	}
}

func ceilSecond(d time.Duration) time.Duration {
	return (d + time.Second - 1).Truncate(time.Second)
}
