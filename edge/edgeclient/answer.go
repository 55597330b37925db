package edgeclient

import (
	"slices"
	"time"

	"weir/proto/fault"
)

// answer is what the server says of a publication.
type answer struct {
	request  uint32
	receipt  Receipt
	refusal  *refusal // nil: accepted
	producer string   // with producer_expired: an identity to go on under; "": none
}

// answered takes in the answer to a request. It returns false if there is no such request.
func (p *publisher) answered(a answer, now time.Time) bool {
	pub := p.requests[a.request]
	if pub == nil {
		return false
	}
	delete(p.requests, a.request)
	l := pub.lane
	l.inflight--
	pub.request = 0
	switch {
	case a.refusal == nil:
		l.failures, l.notBefore = 0, time.Time{}
		p.unproven = p.unproven && pub.ephemeral()
		p.end(pub, a.receipt, nil)
	case pub.ephemeral():
		p.end(pub, Receipt{}, a.refusal.fault)
	default:
		if a.producer != "" && a.refusal.fault.Code == fault.ProducerExpired {
			p.grant(a.producer)
		}
		p.refused(pub, a.refusal, now)
	}
	if l.inflight == 0 {
		p.quiet(l)
	}
	p.queueUp(l)
	p.turnOver()
	return true
}

// refusal is a fault with what the server says about it.
type refusal struct {
	fault     *fault.Fault
	retryable bool
}

// refused handles the refusal of an attempt at a publication that is not ephemeral.
func (p *publisher) refused(pub *publication, f *refusal, now time.Time) {
	l := pub.lane
	switch code := f.fault.Code; {
	case code == fault.ProducerExpired:
		p.outdated(pub, f)
	case code == fault.SequenceGap && l.restart > 0:
		// As was to be expected: one before it was refused for good.
	case code == fault.SequenceGap && l.queue[0] == pub:
		// Nothing is missing before it, so what had the number before it was not accepted after all. It may still be: an
		// edge may not have given up on it. It would then be taken for whatever has its number, so only other numbers are
		// safe, which means another identity.
		p.outdated(pub, f)
	case code == fault.SequenceGap, code == fault.Busy:
		l.hold(now, f.fault.RetryAfter)
	case code == fault.StateFull, !f.retryable:
		if !pub.maybe && code != fault.SequenceExpired { // the number of what has expired is taken
			l.release(pub.sequence)
		}
		p.end(pub, Receipt{}, f.fault)
	default: // it may have happened
		p.setMaybe(pub, true)
		l.hold(now, f.fault.RetryAfter)
	}
}

// outdated handles a refusal because of the identity. What was certainly not accepted waits for another one.
func (p *publisher) outdated(pub *publication, f *refusal) {
	pub.lane.stale, p.turning = true, true
	if pub.maybe {
		p.end(pub, Receipt{}, f.fault)
	}
}

// quiet is called when nothing of a lane is under way.
func (p *publisher) quiet(l *lane) {
	l.held = false
	if free := l.restart; free > 0 {
		l.restart = 0
		if l.maybeBeyond(free) {
			// An attempt may still be on its way, and would be taken for whatever has its number then.
			p.abandon(l, free)
		} else {
			l.renumber(free)
		}
	}
	if !l.stale {
		return
	}
	for _, pub := range l.queue {
		if !pub.maybe && pub.sequence > 0 { // it was not accepted, so nothing behind it was
			p.abandon(l, pub.sequence-1)
			return
		}
	}
}

// maybeBeyond reports whether anything with a number beyond one may have been accepted.
func (l *lane) maybeBeyond(sequence uint64) bool {
	return slices.ContainsFunc(l.queue, func(pub *publication) bool { return pub.maybe && pub.sequence > sequence })
}
