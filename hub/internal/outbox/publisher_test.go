package outbox

import "weir/proto/fault"

// stalled reports whether something has come back and has to be sent again before anything new is.
func (p *publisher) stalled() bool {
	for _, q := range p.queue {
		if !q.underway {
			return true
		}
	}
	return false
}

func (p *publisher) nextSequence() uint64 {
	next := p.lastSequence + 1
	for _, q := range p.queue {
		next = max(next, q.sequence+1)
	}
	return next
}

// heard takes what became of a publication.
func (p *publisher) heard(settled Settled, q *pub) {
	p.underway--
	q.underway = false
	f := settled.Fault
	switch {
	case f == nil:
		q.done = true
		p.settled[q.payload] = settled.Receipt.GetOffset()
		p.lastSequence = max(p.lastSequence, q.sequence)
	case !p.recognised:
		q.done = true
		p.settled[q.payload] = 0
	case f.Code == fault.Busy || f.Code == fault.SequenceGap: // certain refusals of this attempt
	case f.Code.Retryable():
		q.open = true
	case q.open:
		q.done = true // its number may be taken: those behind it stay as they are
		p.settled[q.payload] = 0
		p.lastSequence = max(p.lastSequence, q.sequence)
	default:
		q.freed = true
	}
	p.drop()
}

// drop removes what is settled from the front of the queue.
func (p *publisher) drop() {
	var left []*pub
	for _, q := range p.queue {
		if !q.done {
			left = append(left, q)
		}
	}
	p.queue = left
}

// resend sends what has come back, once nothing is under way. A number that is free goes to the next; where that can't be
// done, the identity has come to its end, and so has this publisher.
func (p *publisher) resend(s *simulation) {
	for i := 0; i < len(p.queue); i++ {
		if !p.queue[i].freed {
			continue
		}
		for _, behind := range p.queue[i+1:] {
			if behind.open {
				p.finished = true
				return
			}
		}
		p.settled[p.queue[i].payload] = 0
		for _, behind := range p.queue[i+1:] {
			behind.sequence--
		}
		p.queue = append(p.queue[:i], p.queue[i+1:]...)
		i--
	}
	if len(p.queue) > 0 && p.tries > 10 {
		p.finished = true // what is missing will never come
		return
	}
	if len(p.queue) > 0 {
		p.tries++
	} else {
		p.tries = 0
	}
	for _, q := range append([]*pub(nil), p.queue...) {
		s.send(p, q)
	}
}
