// Package outbox decides what becomes of publications on their way to the leaders of their shards: which is sent next and
// where, which is sent again when a leader is lost, what each sender is told, and when. It is a state machine that does
// nothing by itself: it has no clock, no goroutine and no connection, so that a simulation can drive it through every
// order of events. Package hubclient drives it with real ones.
package outbox

import (
	"time"

	"weir/hub/internal/placement"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

// A Box holds the publications that have no answer yet. It is not safe for concurrent use.
//
// All those of a shard form a lane: a queue in the order in which they were handed over. A lane sends to one session at a
// time, in order and without waiting for answers. When something comes back that has to be sent again, the lane sends
// nothing more until all that is under way has been answered or given up, and then begins again at its front: so nothing
// overtakes what a producer handed over before it.
type Box struct {
	limits   Limits
	now      time.Time
	shards   placement.Hashed // 0: not known yet; everything waits in lane 0
	lanes    []*lane          // by shard; lane 0 is for what has no shard yet
	attempts map[uint64]attempt
	age      queue // oldest first
	stray    queue // out of their lanes, waiting for the answer to the one attempt that there may be; by until
	bytes    int
	added    uint64 // number of the last entry
	last     uint64 // number of the last attempt
	first    int    // counts calls of Take
	effects  Effects
}

type attempt struct {
	entry   *entry
	session Session
}

// New returns an empty box.
func New(limits Limits) *Box {
	return &Box{
		limits: limits, attempts: map[uint64]attempt{}, age: queue{of: byAge}, stray: queue{of: byPlace}, lanes: []*lane{newLane()},
	}
}

// Len returns how many items are in the box.
func (b *Box) Len() int { return b.age.count }

// Flush returns what the inputs since the last Flush ask for.
func (b *Box) Flush() Effects {
	for _, l := range b.lanes {
		if l.ready(b.now) && !l.woken {
			l.woken = true
			b.effects.Wake = append(b.effects.Wake, l.session)
		}
	}
	e := b.effects
	b.effects = Effects{}
	return e
}

// Add takes an item, or returns why not.
func (b *Box) Add(now time.Time, item *Item) *fault.Fault {
	b.advance(now)
	l := b.laneOf(item)
	if b.Len() >= b.limits.Items || b.bytes+item.Size > b.limits.Bytes ||
		l.order.count >= b.limits.LaneItems || l.bytes+item.Size > b.limits.LaneBytes {
		return fault.New(fault.Busy, "too many publications wait for the hub").WithRetryAfter(retryAfter)
	}
	b.added++
	e := item.enter(b.added)
	b.age.push(e)
	b.bytes += item.Size
	l.push(e)
	return nil
}

// retryAfter is when a sender that was refused should come again: much of what waits has gone by then.
const retryAfter = 100 * time.Millisecond

func (b *Box) laneOf(item *Item) *lane {
	if b.shards == 0 {
		return b.lanes[0]
	}
	return b.lanes[b.shards.ShardOf(item.Tenant, item.Channel)]
}

// SetShards says how many shards there are. A region never changes it, but a box may hear of the region late, or come upon
// another one: then everything is sorted anew.
func (b *Box) SetShards(now time.Time, shards placement.Hashed) {
	b.advance(now)
	if shards == 0 || shards == b.shards {
		return
	}
	for _, l := range b.lanes {
		b.abandon(l)
	}
	b.shards = shards
	b.lanes = make([]*lane, shards+1)
	for i := range b.lanes {
		b.lanes[i] = newLane()
	}
	for e := b.age.first; e != nil; e = b.age.after(e) {
		if !e.astray {
			b.laneOf(e.item).push(e)
		}
	}
}

// SetLeader says to which session a shard's publications go: the one to the node that leads it in this term. Session 0 is
// for a shard without one.
func (b *Box) SetLeader(now time.Time, shard placement.Shard, session Session, term uint64) {
	b.advance(now)
	if int(shard) >= len(b.lanes) {
		return
	}
	l := b.lanes[shard]
	if l.target == session && l.term == term {
		return
	}
	l.target, l.term = session, term
	l.pause, l.rounds = time.Time{}, 0 // whatever it waited for has come
	b.turn(l)
}

// Take returns attempts for a session, up to about size bytes: the next ones of each lane that goes there. Lanes take turns
// at being first, so that a busy one leaves room for the others.
func (b *Box) Take(now time.Time, session Session, size int) []Send {
	b.advance(now)
	b.first++
	var sends []Send
	for i := range b.lanes {
		l := b.lanes[(b.first+i)%len(b.lanes)]
		if l.session != session {
			continue
		}
		l.woken = false
		if sends == nil && l.next != nil {
			sends = make([]Send, 0, l.order.count-l.underway) // those that have no attempt under way
		}
		for ; l.ready(now) && size > 0; l.next = l.order.after(l.next) {
			sends = append(sends, b.send(l, l.next))
			size -= l.next.item.Size
		}
	}
	return sends
}

func (b *Box) send(l *lane, e *entry) Send {
	b.last++
	e.attempt = b.last
	e.attempts = append(e.attempts, b.last)
	b.attempts[b.last] = attempt{e, l.session}
	l.underway++
	l.sent = l.term
	s := Send{Attempt: b.last, Item: e.item, Term: l.term, Again: e.tried}
	e.tried = true
	return s
}

// Lost says that a session has ended: what was sent on it and not answered may or may not have been accepted.
func (b *Box) Lost(now time.Time, session Session, cause error) {
	b.advance(now)
	for e := b.stray.first; e != nil; {
		next := b.stray.after(e)
		if b.attempts[e.attempt].session == session {
			b.settle(e, nil, lostFault(cause))
		}
		e = next
	}
	for _, l := range b.lanes {
		if l.target == session {
			l.target = 0
		}
		if l.session != session {
			continue
		}
		for _, e := range b.abandon(l) {
			b.settle(e, nil, lostFault(cause))
		}
		b.turn(l)
	}
}

// Next returns when Tick is due next, the zero time if it need not be called.
func (b *Box) Next() time.Time {
	var next time.Time
	sooner := func(t time.Time) {
		if !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	if b.age.first != nil {
		sooner(b.age.first.item.Deadline)
	}
	if b.stray.first != nil {
		sooner(b.stray.first.until)
	}
	for _, l := range b.lanes {
		sooner(l.pause)
		sooner(l.leave)
	}
	return next
}

// Tick does what has become due.
func (b *Box) Tick(now time.Time) { b.advance(now) }

// Close settles everything with f.
func (b *Box) Close(f *fault.Fault) {
	for b.age.first != nil {
		b.settle(b.age.first, nil, f)
	}
}

// advance moves the clock. Deadlines are nearly in order, so the first that is not over ends the search; one behind it waits
// for the next.
func (b *Box) advance(now time.Time) {
	if now.After(b.now) {
		b.now = now
	}
	for e := b.age.first; e != nil; e = b.age.first {
		if b.now.Before(e.item.Deadline) {
			break
		}
		b.settle(e, nil, expiredFault(e))
	}
	for e := b.stray.first; e != nil; e = b.stray.first {
		if b.now.Before(e.until) {
			break
		}
		b.settle(e, nil, movedFault)
	}
	for _, l := range b.lanes {
		if !l.pause.IsZero() && !b.now.Before(l.pause) {
			l.pause = time.Time{}
		}
		if !l.leave.IsZero() && !b.now.Before(l.leave) {
			b.abandon(l)
			b.turn(l)
		}
	}
}

// settle takes an entry out for good.
func (b *Box) settle(e *entry, r *weirpb.Receipt, f *fault.Fault) {
	for _, n := range e.attempts {
		delete(b.attempts, n)
	}
	b.age.remove(e)
	b.bytes -= e.item.Size
	if e.astray {
		b.stray.remove(e)
	} else {
		l := e.lane
		if e.attempt != 0 && (f == nil || uncertain(f.Code)) {
			l.accepted = max(l.accepted, e.number)
		}
		l.remove(e)
		b.turn(l)
	}
	b.effects.Settled = append(b.effects.Settled, Settled{Item: e.item, Receipt: r, Fault: f})
}
