package filters

import (
	"sync"
	"time"
)

// How guests aside leave their processors idle for a moment: DESIGN.md, "Making way".
const (
	// A guest that was away from its processor for longer than interrupted had to give it to something else. Less is what looking
	// at two clocks takes, and the like.
	interrupted = 5 * time.Microsecond
	// makeWay is for how long guests then rest: about what an event takes from one socket to another.
	makeWay = 400 * time.Microsecond
	// breath is for how long they rest otherwise. A system needs only a moment to move a waiting thread to an idle processor.
	breath = 60 * time.Microsecond
	// Guests run at least for shortestStretch from one rest to the next, so for 5 % of the time at least; and for longestStretch at
	// most, and a slice.
	shortestStretch = 25 * time.Microsecond
	longestStretch  = 500 * time.Microsecond
)

// A pace says when the guests of an annex rest, by how they are interrupted: all of them together, since what interrupts one needs
// other processors as well. It is safe for concurrent use.
type pace struct {
	mu      sync.Mutex
	ran     time.Duration // all guests, since one of them rested; guarded by mu, as are the following
	stretch time.Duration // for how long they run until one rests, but for shortestStretch at least
	called  bool          // one of them was interrupted in this stretch
}

// after is told how long a guest has run since it was last asked about, and for how long it has been without a processor meanwhile.
// It returns for how long the guest is to rest now.
func (p *pace) after(ran, away time.Duration) (rest time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ran += ran
	if away > interrupted {
		p.called, p.stretch = true, 0
	}
	p.stretch = max(p.stretch, shortestStretch)
	if p.ran < p.stretch {
		return 0
	}
	rest = breath
	if p.called {
		rest = makeWay
	} else {
		p.stretch = min(2*p.stretch, longestStretch)
	}
	p.ran, p.called = 0, false
	return rest
}
