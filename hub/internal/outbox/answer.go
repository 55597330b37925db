package outbox

import (
	"time"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

// Answer says what became of an attempt: r, or f. Of an attempt that the box has forgotten it says nothing new.
func (b *Box) Answer(now time.Time, number uint64, r *weirpb.Receipt, f *fault.Fault) {
	b.advance(now)
	a, ok := b.attempts[number]
	if !ok {
		return
	}
	e := a.entry
	switch {
	case f == nil:
		b.settle(e, r, nil)
	case e.attempt != number:
		b.late(e, number, f)
	case e.astray:
		b.settle(e, nil, strayFault(f))
	default:
		b.refused(e, number, f)
	}
}

// late takes the answer to an attempt that was given up: if it says that nothing was accepted, so much less is unknown.
func (b *Box) late(e *entry, number uint64, f *fault.Fault) {
	b.forget(e, number)
	if !uncertain(f.Code) {
		e.open--
	}
}

// refused decides what a fault means for an entry that is under way.
func (b *Box) refused(e *entry, number uint64, f *fault.Fault) {
	switch verdictOf(f.Code, e.item.Again, e.open > 0, func() bool { return b.behind(e) }) {
	case again:
		b.bounce(e, number, uncertain(f.Code))
	case veil:
		b.settle(e, nil, openFault(f))
	default:
		b.settle(e, nil, f)
	}
}

// bounce puts an entry back to where it was in its lane, to be sent in the next round.
func (b *Box) bounce(e *entry, number uint64, open bool) {
	b.forget(e, number)
	if open {
		e.open++
	}
	e.attempt = 0
	e.lane.underway--
	e.lane.bounced = true
	b.turn(e.lane)
}

// forget drops an attempt to which there will be no other answer.
func (b *Box) forget(e *entry, number uint64) {
	delete(b.attempts, number)
	for i, n := range e.attempts {
		if n == number {
			e.attempts = append(e.attempts[:i], e.attempts[i+1:]...)
			return
		}
	}
}

// behind reports whether an earlier publication of the same producer on the same channel is still in the lane.
func (b *Box) behind(e *entry) bool {
	for at := e.lane.order.first; at != e; at = e.lane.order.after(at) {
		if other := at.item; other.Producer == e.item.Producer && other.Channel == e.item.Channel && other.Tenant == e.item.Tenant {
			return true
		}
	}
	return false
}

// A verdict is what becomes of an entry whose attempt got a fault.
type verdict int

const (
	tell  verdict = iota // its sender hears the fault
	again                // it is sent again
	veil                 // its sender hears that the outcome is not known
)

// uncertain reports whether what got this fault may have been accepted all the same.
func uncertain(code fault.Code) bool {
	return code == fault.Unavailable || code == fault.Timeout || code == fault.Internal
}

// verdictOf decides. recognised is whether the hub recognises a second attempt; open whether an earlier attempt may have
// been accepted; behind whether an earlier publication of the producer is still in the lane.
//
// A fault that says that the publication was not accepted is true of its attempt alone. A sender that hears it may give
// the sequence to another publication (SPEC.md, section 7): after an open attempt that must not happen, so such a sender
// is told that the outcome is not known, and learns the rest when it sends the publication again.
func verdictOf(code fault.Code, recognised, open bool, behind func() bool) verdict {
	switch code {
	case fault.NotLeader: // certainly not accepted
		return again
	case fault.Unavailable, fault.Timeout: // may have been accepted
		if recognised {
			return again
		}
		return tell
	case fault.SequenceGap:
		if behind() { // which came back, or is about to
			return again
		}
	case fault.Busy:
		if open {
			return again
		}
	case fault.SequenceExpired, fault.Internal: // one was accepted long ago, or nobody can tell
		return tell
	}
	if open {
		return veil
	}
	return tell
}

const retryHint = "publish with a producer: what is lost on the way is then sent again without being published twice"

func lostFault(cause error) *fault.Fault {
	return fault.New(fault.Unavailable, "the hub was lost before it answered: the publication may or may not have been accepted").
		WithHint(retryHint).WithCause(cause)
}

var movedFault = fault.New(fault.Unavailable,
	"another node leads, and the one that had the publication has not answered: it may or may not have been accepted").WithHint(retryHint)

// strayFault is what the sender hears of a publication whose attempt was given up and was then refused: later ones may have
// been accepted elsewhere, so it can't be sent again.
func strayFault(f *fault.Fault) *fault.Fault {
	if f.Code != fault.NotLeader {
		return f
	}
	return fault.New(fault.Unavailable, "the hub's leader changed before it took the publication: it was not accepted").
		WithHint(retryHint).WithCause(f)
}

var overtakenFault = fault.New(fault.Unavailable, "the hub's leader changed and refused the publication, but not a later one: it was not accepted").
	WithHint(retryHint)

func openFault(f *fault.Fault) *fault.Fault {
	return fault.New(fault.Unavailable, "the publication may or may not have been accepted when a leader was lost; the next answered: %s", f.Message).
		WithHint("send it again under the same producer and sequence").WithCause(f)
}

func expiredFault(e *entry) *fault.Fault {
	if !e.tried {
		return fault.New(fault.Unavailable, "the hub could not be reached in time").
			WithHint("nothing was sent: is a majority of the region's hub nodes up?")
	}
	if e.open == 0 && e.attempt == 0 {
		return fault.New(fault.Unavailable, "no node of the hub has taken the publication in time: it was not accepted").
			WithHint("is a majority of the region's hub nodes up?")
	}
	return fault.New(fault.Timeout, "the hub has not answered in time: the publication may or may not have been accepted").
		WithHint("publish with a producer, and a retry will not be published twice")
}
