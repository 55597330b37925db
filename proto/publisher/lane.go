package publisher

import (
	"slices"
	"time"
)

// FirstBackoff is how long to wait before what was refused for the time being is sent again, doubled each time.
const FirstBackoff = 100 * time.Millisecond

const (
	lastBackoff = 5 * time.Second
	// maxRetryAfter bounds what a server may ask for.
	maxRetryAfter = 10 * time.Minute
)

// lane is what is published to one channel, in order. It belongs to a Publisher.
type lane struct {
	queue    []*Publication // not answered; those under way are before the others
	next     uint64         // sequence for the next that is numbered
	inflight int            // publications under way
	waiting  bool           // it is in Publisher.turn

	// held: something was refused. Nothing is sent until all that is under way is answered, then from the front.
	held bool
	// restart, if not 0, is the number that became free when a publication was refused for good: those behind it, which
	// were not accepted, are numbered from it once held ends.
	restart uint64
	// stale: the identity gives no more numbers here. Until there is a fresh one, only what may have been accepted is sent,
	// with the number that it has, to hear whether it was.
	stale bool

	notBefore time.Time // nothing is sent before
	failures  int       // refusals for the time being, since the last receipt
}

// unsent returns the first publication that is not under way.
func (l *lane) unsent() *Publication {
	for _, pub := range l.queue {
		if pub.request == 0 {
			return pub
		}
	}
	return nil
}

// maybeFrom reports whether pub or one behind it may have been accepted.
func (l *lane) maybeFrom(pub *Publication) bool {
	return slices.ContainsFunc(l.queue[slices.Index(l.queue, pub):], func(p *Publication) bool { return p.maybe })
}

func (l *lane) remove(pub *Publication) {
	l.queue = slices.DeleteFunc(l.queue, func(p *Publication) bool { return p == pub })
}

// renumber numbers what has a number beyond free from it on. Nothing is under way.
func (l *lane) renumber(free uint64) {
	l.next = free
	for _, pub := range l.queue {
		if pub.sequence > free {
			pub.sequence = l.next
			l.next++
		}
	}
}

// hold stops sending, for a while at least.
func (l *lane) hold(now time.Time, retryAfter time.Duration) {
	if l.held {
		return
	}
	l.held = true
	wait := max(min(FirstBackoff<<min(l.failures, 10), lastBackoff), min(retryAfter, maxRetryAfter))
	l.failures++
	l.notBefore = now.Add(wait)
}

// release frees the number of a publication that was refused for good and has never been accepted.
func (l *lane) release(sequence uint64) {
	if l.restart == 0 || sequence < l.restart {
		l.restart = sequence
	}
	l.held = true
}
