package hub

import (
	"weir/hub/internal/membership"
	"weir/proto/meshpb"
)

// A spreading hands leads over so that all nodes have about as many.
type spreading struct{ membership.Balancer }

// step looks once.
func (s *spreading) step(h *Hub) {
	next, ok := s.Look(h.leads(), h.fit())
	if !ok || !h.groups[next.Group].lead.leads() {
		return
	}
	g := h.groups[next.Group]
	g.log.Info("handing over the lead, so that the nodes have about as many", "to", next.To)
	if err := g.replica.Transfer(next.To); err != nil {
		s.Failed()
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
