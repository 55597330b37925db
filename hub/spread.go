package hub

import (
	"weir/hub/internal/membership"
	"weir/proto/meshpb"
)

// Hysteresis of spreading the leads.
const (
	// insist is how many surveys in a row have to come to the same transfer.
	insist = 3
	// pause is how many surveys pass after a transfer, so that everybody sees what came of it.
	pause = 3
)

// A spreading hands leads over so that all nodes have about as many. Each node comes to the same decision from what it
// sees, and the one that leads the group in question carries it out.
type spreading struct {
	last  membership.Transfer
	times int
	rest  int
}

// step looks once.
func (s *spreading) step(h *Hub) {
	if s.rest > 0 {
		s.rest--
		return
	}
	next, ok := membership.Spread(h.leads(), h.fit())
	switch {
	case !ok:
		s.times = 0
		return
	case next == s.last:
		s.times++
	default:
		s.last, s.times = next, 1
	}
	if s.times < insist || !h.groups[next.Group].lead.leads() {
		return
	}
	s.times, s.rest = 0, pause
	g := h.groups[next.Group]
	g.log.Info("handing over the lead, so that the nodes have about as many", "to", next.To)
	if err := g.replica.Transfer(next.To); err != nil {
		g.log.Info("the lead could not be handed over", "to", next.To, "error", err)
	}
}

// leads lists who leads what.
func (h *Hub) leads() []membership.Lead {
	var all []membership.Lead
	for _, g := range h.groups {
		leader, _ := g.replica.Leader()
		all = append(all, membership.Lead{Group: uint32(g.id), Leader: leader, Voters: g.replica.Members().Voters})
	}
	return all
}

// fit lists the nodes that may be given the lead of a group: they answer, stay, and have applied what they know of.
func (h *Hub) fit() map[string]bool {
	all := map[string]bool{}
	table := h.control.State().Nodes
	for node, status := range h.survey.answered() {
		all[node] = !status.GetClosing() && table[node] != nil && !table[node].GetLeaving() && keepsUp(status)
	}
	return all
}

func keepsUp(status *meshpb.NodeStatus) bool {
	for _, g := range status.GetGroups() {
		if g.GetAils() != "" || g.GetApplied()+maxLag < g.GetCommitted() {
			return false
		}
	}
	return true
}
