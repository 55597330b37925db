package fanout

import (
	"math/bits"
	"slices"
)

// Gates are what makes the cost of an event follow its matches rather than its groups: a group stands behind the first of
// its filter versions, with others of the same params, and is looked at where that lets the event through or fails.

// enter has decide find a group whose seats are taken.
func (p *panel) enter(g *group) {
	e, slot := g.gate()
	if e == nil {
		g.behind = len(p.ungated)
		p.ungated = append(p.ungated, g)
		return
	}
	for slot >= len(e.gated) {
		e.gated = append(e.gated, nil)
	}
	if e.behind == 0 {
		p.gates = append(p.gates, e)
	}
	e.behind++
	g.behind = len(e.gated[slot])
	e.gated[slot] = append(e.gated[slot], g)
}

// exit is the reverse of enter.
func (p *panel) exit(g *group) {
	e, slot := g.gate()
	if e == nil {
		p.ungated = removeGroup(p.ungated, g)
		return
	}
	e.gated[slot] = removeGroup(e.gated[slot], g)
	if e.behind--; e.behind == 0 {
		p.gates = slices.DeleteFunc(p.gates, func(other *evaluator) bool { return other == e })
	}
}

// gate returns the filter version that decides first about the group, and where. Nil: none does, so the group has to be
// looked at for every event.
func (g *group) gate() (*evaluator, int) {
	if len(g.seats) == 0 {
		return nil, 0
	}
	return g.seats[0].evaluator, g.seats[0].slot
}

func removeGroup(groups []*group, g *group) []*group {
	last := len(groups) - 1
	groups[g.behind] = groups[last]
	groups[g.behind].behind = g.behind
	groups[last] = nil
	return groups[:last]
}

// decide returns the groups from which the event at hand is not held back, with their verdicts, valid until the next call.
func (p *panel) decide() []*group {
	p.found = p.found[:0]
	p.look(p.ungated)
	for _, e := range p.gates {
		p.ask(e)
		if e.err != nil {
			for _, groups := range e.gated {
				p.look(groups) // for what decides instead
			}
			continue
		}
		for w, word := range e.verdicts {
			for ; word != 0; word &= word - 1 {
				if slot := w<<6 + bits.TrailingZeros64(word); slot < len(e.gated) {
					p.look(e.gated[slot])
				}
			}
		}
	}
	return p.found
}

func (p *panel) look(groups []*group) {
	for _, g := range groups {
		if g.verdict = p.verdict(g.seats); g.verdict != held {
			p.found = append(p.found, g)
		}
	}
}
