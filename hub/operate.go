package hub

import (
	"context"
	"maps"
	"slices"

	"weir/hub/internal/placement"
	"weir/proto/fault"
	"weir/proto/logpb"
	"weir/proto/meshpb"
	"weir/proto/weirpb"
)

// GetRegion tells how the region's nodes and groups are, as far as this node can reach them.
func (h *Hub) GetRegion(ctx context.Context, _ *weirpb.GetRegionRequest) (*weirpb.Region, error) {
	if !h.status.takes() {
		return nil, h.status.check()
	}
	answers := h.askAll(ctx)
	r := &weirpb.Region{Id: h.region.ID, Shards: uint32(h.region.Shards), AnsweredBy: h.node.Name}
	table := h.control.State().Nodes
	for _, id := range slices.Sorted(maps.Keys(table)) {
		r.Nodes = append(r.Nodes, describeNode(table[id], answers[id] != nil))
	}
	for _, g := range h.groups {
		r.Groups = append(r.Groups, describeGroup(uint32(g.id), answers))
	}
	return r, nil
}

func describeNode(n *logpb.NodeRecord, reachable bool) *weirpb.RegionNode {
	return &weirpb.RegionNode{
		Id: n.GetId(), Mesh: n.GetMesh(), Link: n.GetLink(), Api: n.GetApi(), JoinedMs: n.GetJoinedMs(),
		Leaving: n.GetLeaving(), ReplacedBy: n.GetReplacedBy(), Reachable: reachable,
	}
}

// describeGroup puts together what the nodes say of a group. Of different ones, the one of the latest term is right.
func describeGroup(id uint32, answers map[string]*meshpb.NodeStatus) *weirpb.RegionGroup {
	all := map[string]*meshpb.GroupStatus{}
	var right *meshpb.GroupStatus
	for node, status := range answers {
		for _, g := range status.GetGroups() {
			if g.GetGroup() != id {
				continue
			}
			all[node] = g
			if right == nil || g.GetTerm() > right.GetTerm() || g.GetTerm() == right.GetTerm() && g.GetLeader() == node {
				right = g
			}
		}
	}
	r := &weirpb.RegionGroup{Group: id, Leader: right.GetLeader(), Term: right.GetTerm(), Committed: right.GetCommitted()}
	member := func(node string, voter bool) {
		m := &weirpb.RegionMember{Node: node, Voter: voter, Receiving: receiving(node, all[node], all)} // its sender knows, too
		if g := all[node]; g != nil {
			m.Applied, m.HeardMs, m.Ails, m.Last = g.GetApplied(), g.GetHeardMs(), g.GetAils(), g.GetLast()
			m.Verification = g.GetVerification()
			m.Lag = max(r.GetCommitted(), m.Applied) - m.Applied
		}
		r.Members = append(r.Members, m)
	}
	for _, node := range right.GetVoters() {
		member(node, true)
	}
	for _, node := range right.GetLearners() {
		member(node, false)
	}
	for _, node := range slices.Sorted(maps.Keys(all)) {
		if !isMember(right, node) && all[node].GetAils() != "" {
			member(node, false) // its vote has been taken from it until it is rebuilt
		}
	}
	return r
}

// receiving returns what a node is being sent, or fetches; nil for nothing.
func receiving(node string, of *meshpb.GroupStatus, all map[string]*meshpb.GroupStatus) *weirpb.Transfer {
	if t := of.GetFetching(); t != nil {
		return t
	}
	for _, g := range all {
		if t := g.GetSending()[node]; t != nil {
			return t
		}
	}
	return nil
}

// RetireNode has a node leave all groups, dead or alive, after another has taken its place if one is named.
func (h *Hub) RetireNode(ctx context.Context, r *weirpb.RetireNodeRequest) (*weirpb.RegionNode, error) {
	if err := h.status.check(); err != nil {
		return nil, err
	}
	leader, err := h.groups[placement.Control].awaitLeader(ctx)
	if err != nil {
		return nil, fault.New(fault.Unavailable, "nobody leads the control group").WithCause(err)
	}
	if leader != h.node.Name {
		_, err = call[meshpb.Done](ctx, h, leader, methodRetire, &meshpb.RetireNode{
			Region: h.region.ID, Id: r.GetId(), ReplacedBy: r.GetReplacedBy(),
		})
		if err == nil {
			err = h.catchUp(ctx)
		}
	} else {
		err = h.retire(ctx, r.GetId(), r.GetReplacedBy())
	}
	if err != nil {
		return nil, fault.From(err)
	}
	if n := h.control.State().Nodes[r.GetId()]; n != nil {
		return describeNode(n, true), nil
	}
	return &weirpb.RegionNode{Id: r.GetId(), Leaving: true}, nil // it has left already
}

func (h *Hub) retire(ctx context.Context, id, by string) error {
	_, err := change[logpb.NodeRecord](ctx, h, &logpb.ControlCommand{Command: &logpb.ControlCommand_RetireNode{
		RetireNode: &logpb.RetireNode{Id: id, ReplacedBy: by},
	}})
	return err
}

// answerRetire is RetireNode for another node.
func (h *Hub) answerRetire(ctx context.Context, from string, q *meshpb.RetireNode) (*meshpb.Done, error) {
	if err := h.checkRegion(from, q.GetRegion()); err != nil {
		return nil, err
	}
	return &meshpb.Done{}, h.retire(ctx, q.GetId(), q.GetReplacedBy())
}
