package fanout

import (
	"errors"

	"weir/edge/internal/fuel"
	"weir/edge/internal/sieve"
	"weir/filters"
	"weir/proto/weirpb"
)

// A Term is one filter of a subscription with its params, as the filter has prepared them.
type Term struct {
	Sieve    *sieve.Sieve
	Prepared []byte
	// Interest is the routing keys that Prepared wants, as the filter says; of no use for a Sieve without routes.
	Interest []uint64
	// Paused says that Sieve is not asked: it is as if it failed.
	Paused bool
	// Fallback is what decides where Sieve fails and the namespace's policy is last-good: the version before, with the
	// same params. Nil: there is none, or it refuses the params.
	Fallback *Term
	// Canary says that Sieve is being tried in place of Fallback, which decides where it fails, whatever the policy.
	Canary bool
	// Shadow decides about live events beside Sieve, and differences are counted. Nil: nothing does.
	Shadow *Term
}

// rescued reports whether Fallback decides where Sieve fails.
func (t *Term) rescued(policy weirpb.FailurePolicy) bool {
	return t.Fallback != nil && (t.Canary || policy == weirpb.FailurePolicy_FAILURE_POLICY_LAST_GOOD)
}

// A verdict is what a group's filters say about an event together.
type verdict uint8

const (
	held verdict = iota
	match
	failed  // a filter could not say
	starved // a filter could not be asked, as its tenant had no fuel left
)

// undecided reports whether a filter's word is missing.
func (v verdict) undecided() bool { return v == failed || v == starved }

// undecidedBy returns what is known if a filter was asked in vain.
func undecidedBy(err error) verdict {
	if errors.Is(err, fuel.ErrExhausted) {
		return starved
	}
	return failed
}

// reason returns what a gap says about events that are undecided.
func (v verdict) reason() string {
	if v == starved {
		return gapFuelExhausted
	}
	return gapFilterFailed
}

// A panel decides about one event at a time for the groups that have seats in it. Each filter version is asked once per
// event about all its distinct params, and only if some group still needs its word. It belongs to one goroutine, or is
// guarded by its channel's mutex.
type panel struct {
	channel    *channel
	evaluators map[sieve.ID]*evaluator
	asked      uint64 // predicates evaluated since it was last taken
	trials     trials // compared for the events that are live
	// Groups that decide looks at: the filter versions that they stand behind, and those that stand behind none.
	gates   []*evaluator
	ungated []*group
	found   []*group // by the latest decide

	// The event at hand.
	number uint64 // counts events, so that evaluators know whether they have been asked about this one
	event  *weirpb.Event
	guest  []byte // the event as filters read it; empty until one needs it
}

func newPanel(c *channel) *panel {
	return &panel{channel: c, evaluators: make(map[sieve.ID]*evaluator)}
}

// An evaluator asks one filter version.
type evaluator struct {
	sieve    *sieve.Sieve
	set      filters.Set
	slots    map[string]*slot // by prepared params
	verdicts filters.Bitmap
	number   uint64 // of the event that verdicts and err are about
	err      error
	gated    [][]*group // by slot
	behind   int        // how many these are
}

// A slot is one distinct prepared params in an evaluator's set.
type slot struct{ index, groups int }

// A seat is a group's place with one filter. One that is paused has no evaluator.
type seat struct {
	evaluator *evaluator
	term      *Term
	slot      int
	fallback  *seat
}

// sit makes room for a group with these terms.
func (p *panel) sit(terms []Term) []seat {
	seats := make([]seat, len(terms))
	for i := range terms {
		seats[i] = p.seat(&terms[i])
	}
	return seats
}

func (p *panel) seat(t *Term) seat {
	taken := seat{term: t}
	if !t.Paused {
		taken.evaluator, taken.slot = p.take(t)
	}
	if t.Fallback != nil {
		fallback := p.seat(t.Fallback)
		taken.fallback = &fallback
	}
	return taken
}

// take makes room for a term with the filter version that it names.
func (p *panel) take(t *Term) (*evaluator, int) {
	e := p.evaluators[t.Sieve.ID]
	if e == nil {
		e = &evaluator{sieve: t.Sieve, slots: make(map[string]*slot)}
		p.evaluators[t.Sieve.ID] = e
	}
	s := e.slots[string(t.Prepared)]
	if s == nil {
		s = &slot{index: t.add(&e.set)}
		e.slots[string(t.Prepared)] = s
		if e.set.Slots() > 64*len(e.verdicts) {
			e.verdicts = filters.NewBitmap(2 * e.set.Slots())
		}
	}
	s.groups++
	e.number = 0 // the verdicts lack the new slot
	return e, s.index
}

// add makes room in a set. With an index the filter is not asked about the term where it does not want the event.
func (t *Term) add(set *filters.Set) (slot int) {
	if t.Sieve.Routes {
		return set.AddInterested(t.Prepared, t.Interest)
	}
	return set.Add(t.Prepared)
}

// leave gives up a group's seats.
func (p *panel) leave(seats []seat) {
	for i := range seats {
		p.unseat(&seats[i])
	}
}

func (p *panel) unseat(s *seat) {
	if s.evaluator != nil {
		p.give(s.evaluator, s.term)
	}
	if s.fallback != nil {
		p.unseat(s.fallback)
	}
}

// give is the reverse of take.
func (p *panel) give(e *evaluator, t *Term) {
	own := e.slots[string(t.Prepared)]
	if own.groups--; own.groups == 0 {
		e.set.Remove(own.index)
		delete(e.slots, string(t.Prepared))
	}
	if len(e.slots) == 0 {
		delete(p.evaluators, e.sieve.ID)
	}
}

// begin turns to the next event.
func (p *panel) begin(e *weirpb.Event) {
	p.event = e
	p.number++
	p.guest = p.guest[:0]
}

// asGuest returns the event as filters read it.
func (p *panel) asGuest() []byte {
	if len(p.guest) == 0 {
		p.guest = filters.AppendEvent(p.guest, p.channel.name, p.event)
	}
	return p.guest
}

// ask has a filter version decide about the event at hand, once.
func (p *panel) ask(e *evaluator) {
	if e.number == p.number {
		return
	}
	e.number = p.number
	e.err = e.sieve.Match(p.channel.ctx, p.asGuest(), &e.set, e.verdicts)
	p.asked += uint64(e.set.Asked())
}

// verdict says whether a group gets the event at hand: whether all its filters agree.
func (p *panel) verdict(seats []seat) verdict {
	all := match
	for i := range seats {
		switch said := p.one(&seats[i]); said {
		case held:
			return held
		case failed:
			all = failed
		case starved:
			if all == match {
				all = starved
			}
		}
	}
	return all
}

func (p *panel) one(s *seat) verdict {
	said := failed
	if s.evaluator != nil {
		if said = p.said(s.evaluator, s.slot); !said.undecided() {
			return said
		}
	}
	policy := p.channel.failurePolicy()
	switch {
	case s.fallback != nil && s.term.rescued(policy):
		return p.one(s.fallback)
	case policy == weirpb.FailurePolicy_FAILURE_POLICY_OPEN:
		return match
	}
	return said
}

// said returns what a filter version itself says about the event at hand.
func (p *panel) said(e *evaluator, slot int) verdict {
	p.ask(e)
	switch {
	case e.err != nil:
		return undecidedBy(e.err)
	case e.verdicts.Get(slot):
		return match
	}
	return held
}
