package publisher

import (
	"slices"
	"time"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

// An Answer is what the server says of a publication.
type Answer struct {
	Request uint32
	Receipt *weirpb.Receipt
	// Fault is nil for what was accepted. Retryable is what the server says about it: there may be newer codes than this
	// client knows.
	Fault     *fault.Fault
	Retryable bool
	// Producer comes with producer_expired: an identity to go on under; "": none.
	Producer string
}

// Answered takes in the answer to a request. It returns false if there is no such request.
func (p *Publisher) Answered(a Answer, now time.Time) bool {
	pub := p.requests[a.Request]
	if pub == nil {
		return false
	}
	delete(p.requests, a.Request)
	l := pub.lane
	l.inflight--
	pub.request = 0
	switch {
	case a.Fault == nil:
		l.failures, l.notBefore = 0, time.Time{}
		p.unproven = p.unproven && pub.ephemeral()
		p.End(pub, a.Receipt, nil)
	case pub.ephemeral():
		p.End(pub, nil, a.Fault)
	default:
		if a.Producer != "" && a.Fault.Code == fault.ProducerExpired {
			p.grant(a.Producer)
		}
		p.refused(pub, a.Fault, a.Retryable, now)
	}
	if l.inflight == 0 {
		p.quiet(l)
	}
	p.queueUp(l)
	p.turnOver()
	return true
}

// refused handles the refusal of an attempt at a publication that is not ephemeral.
func (p *Publisher) refused(pub *Publication, f *fault.Fault, retryable bool, now time.Time) {
	l := pub.lane
	switch code := f.Code; {
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
		l.hold(now, f.RetryAfter)
	case code == fault.StateFull, !retryable:
		if !pub.maybe && code != fault.SequenceExpired { // the number of what has expired is taken
			l.release(pub.sequence)
		}
		p.End(pub, nil, f)
	default: // it may have happened
		p.setMaybe(pub, true)
		l.hold(now, f.RetryAfter)
	}
}

// outdated handles a refusal because of the identity. What was certainly not accepted waits for another one, and so does
// what is behind it: nothing of the lane is sent until all that is under way is answered. Sending it again at once would go on
// for ever if one behind it that is to be settled is beyond what may be under way.
func (p *Publisher) outdated(pub *Publication, f *fault.Fault) {
	pub.lane.stale, p.turning = true, true
	if pub.maybe {
		p.End(pub, nil, f)
		return
	}
	pub.lane.held = true
}

// quiet is called when nothing of a lane is under way.
func (p *Publisher) quiet(l *lane) {
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
	return slices.ContainsFunc(l.queue, func(pub *Publication) bool { return pub.maybe && pub.sequence > sequence })
}
