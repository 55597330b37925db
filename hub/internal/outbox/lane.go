package outbox

import "time"

// A lane is the queue of one shard.
type lane struct {
	order queue // as handed over
	bytes int
	// next is the first that has not been sent in this round; nil: none.
	next *entry
	// session is where this round's attempts go, underway how many of them have no answer.
	session  Session
	underway int
	// accepted is the number of the latest entry that was accepted in this round, or may have been.
	accepted uint64
	// bounced is whether something of this round is to be sent again: the round comes to its end.
	bounced bool
	// target is where the next round goes, in what term of that leader; sent is the term of what was last sent.
	target Session
	term   uint64
	sent   uint64
	// rounds counts those in a row that bounced from the same leader. pause is when the next may begin.
	rounds int
	pause  time.Time
	// leave is when this round is given up, because another node leads by now. Zero: it is not.
	leave time.Time
	woken bool
}

const (
	// grace is how long a round may go on at a node that no longer leads. A node that hands over answers at once; one that
	// hangs must not hold up what its successor could accept.
	grace = 100 * time.Millisecond
	// strayGrace is how much longer the answer of such a node is waited for where nothing can be sent again. It is mostly
	// dead, which its connection shows only after seconds.
	strayGrace = 400 * time.Millisecond
	// firstPause and lastPause bound the wait before a shard's publications are sent again to a node that has sent them
	// back, doubled each time: it is told to lead a moment before it may.
	firstPause = 10 * time.Millisecond
	lastPause  = 500 * time.Millisecond
)

func newLane() *lane { return &lane{order: queue{of: byPlace}} }

func (l *lane) push(e *entry) {
	e.lane = l
	l.order.push(e)
	l.bytes += e.item.Size
	if l.next == nil {
		l.next = e
	}
}

// remove takes an entry out of the lane.
func (l *lane) remove(e *entry) {
	if l.next == e {
		l.next = l.order.after(e)
	}
	l.order.remove(e)
	l.bytes -= e.item.Size
	if e.attempt != 0 {
		l.underway--
	}
}

// ready reports whether the lane has something to send now.
func (l *lane) ready(now time.Time) bool {
	return l.next != nil && l.session != 0 && l.session == l.target && !l.bounced && l.leave.IsZero() && !now.Before(l.pause)
}

// turn begins a new round where the present one is over, or sees to its end.
func (b *Box) turn(l *lane) {
	if l.underway > 0 {
		switch {
		case !l.superseded():
			l.leave = time.Time{}
		case l.leave.IsZero():
			l.leave = b.now.Add(grace)
		}
		return
	}
	l.leave = time.Time{}
	if !l.bounced && l.session == l.target {
		return
	}
	if l.session == l.target {
		l.pause = b.now.Add(min(firstPause<<min(l.rounds, 10), lastPause))
		l.rounds++
	} else {
		l.woken = false
	}
	overtaken := l.overtaken()
	l.next = l.order.first
	l.bounced, l.session, l.accepted = false, l.target, 0
	for _, e := range overtaken {
		b.settle(e, nil, overtakenFault)
	}
}

// superseded reports whether another node leads than the one that this round goes to. One to which there is no connection yet is
// told by its term.
func (l *lane) superseded() bool {
	if l.target == 0 {
		return l.term > l.sent
	}
	return l.target != l.session
}

// overtaken returns what was sent back, is not recognised by the hub, and can't be sent again: the hub refused it and went
// on to accept something later, or may have. That takes a node that loses the lead and wins it back at once.
func (l *lane) overtaken() (all []*entry) {
	for e := l.order.first; e != nil && e != l.next; e = l.order.after(e) {
		if e.attempt == 0 && !e.item.Again && e.number < l.accepted {
			all = append(all, e)
		}
	}
	return all
}

// abandon ends a round without its answers. What may be sent again stays in the lane; the rest is returned, in order, and
// is out of it: it waits for its answer a moment longer.
func (b *Box) abandon(l *lane) (strays []*entry) {
	var next *entry
	for e := l.order.first; e != nil && e != l.next; e = next {
		next = l.order.after(e)
		if e.attempt == 0 { // sent back in this round
			continue
		}
		l.accepted = max(l.accepted, e.number) // maybe
		if e.item.Again {
			e.attempt = 0
			e.open++
			l.underway--
			continue
		}
		l.remove(e)
		e.until, e.astray = b.now.Add(strayGrace), true
		b.stray.push(e)
		strays = append(strays, e)
	}
	l.bounced, l.leave = true, time.Time{}
	return strays
}
