package hub

import (
	"context"
	"slices"

	"weir/hub/internal/control"
	"weir/hub/internal/membership"
	"weir/proto/logpb"
	"weir/proto/meshpb"
)

// reconcile takes the next step, if there is one, that brings the group's membership to what the region's table of nodes
// wants. Only its leader does.
func (g *group) reconcile() error {
	h := g.hub
	if h.transport == nil {
		return nil
	}
	m := g.replica.Members()
	next := membership.Next(tableOf(h.control.State()), membership.Group{
		Leader: h.node.Name, Voters: m.Voters, Learners: m.Learners, Well: h.survey.well(uint32(g.id)),
	})
	if next.Kind == membership.Nothing {
		return nil
	}
	g.changing.Store(true)
	defer g.changing.Store(false)
	var err error
	switch next.Kind {
	case membership.Learn:
		err = g.replica.Learn(next.Node)
	case membership.Promote:
		err = g.replica.Promote(next.Node)
	case membership.Remove:
		err = g.replica.Remove(next.Node)
	case membership.Yield:
		return g.replica.Transfer("")
	}
	if err != nil {
		return err
	}
	g.log.Info("the group's membership has changed", "node", next.Node, "change", changes[next.Kind])
	h.updateRoutes()
	return nil
}

var changes = map[membership.Kind]string{
	membership.Learn: "learns", membership.Promote: "has a vote", membership.Remove: "is removed",
}

func tableOf(state *control.State) []membership.Node {
	var all []membership.Node
	for _, n := range state.Nodes {
		all = append(all, membership.Node{Name: n.GetId(), Leaving: n.GetLeaving(), ReplacedBy: n.GetReplacedBy()})
	}
	return all
}

// forgetNodes takes those out of the table that have left all groups for good. The leader of the control group does.
func (h *Hub) forgetNodes(ctx context.Context) error {
	for id, n := range h.control.State().Nodes {
		if !n.GetLeaving() || !h.hasLeft(id) {
			continue
		}
		_, err := h.command(ctx, &logpb.ControlCommand{Command: &logpb.ControlCommand_ForgetNode{
			ForgetNode: &logpb.ForgetNode{Id: id},
		}})
		if err != nil {
			return err
		}
		h.log.Info("a node has left the region", "left", id)
	}
	return nil
}

// hasLeft reports whether the leaders of all groups say that a node is not a member, and won't be again by what is already
// in their logs.
func (h *Hub) hasLeft(node string) bool {
	out := map[uint32]bool{}
	for _, status := range h.survey.answered() {
		for _, g := range status.GetGroups() {
			if g.GetLeader() == status.GetId() && g.GetSettled() && !isMember(g, node) {
				out[g.GetGroup()] = true
			}
		}
	}
	return len(out) == len(h.groups)
}

func isMember(g *meshpb.GroupStatus, node string) bool {
	return slices.Contains(g.GetVoters(), node) || slices.Contains(g.GetLearners(), node)
}
