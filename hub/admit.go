package hub

import (
	"context"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"weir/hub/internal/placement"
	"weir/proto/fault"
	"weir/proto/meshpb"
)

// An admitter asks, for each stream that another node opens for a Raft group, why it must not. Transports may be one.
type admitter interface {
	Admit(func(node string, group uint32) error)
}

// A disconnecter closes the connections to a node that is no longer of the region. Transports may be one.
type disconnecter interface {
	Disconnect(node string)
}

// freshTable is how long ago the control group's leader may have been heard of for the table of nodes to be taken for the
// latest: several heartbeats.
const freshTable = time.Second

// checkMember refuses a node that has been removed from the region, whose certificate may be good for long. What this node
// knows may be late, and must then keep nobody out: a new node may be the very one that it has to hear from.
func (h *Hub) checkMember(node string) error {
	if !h.status.takes() || node == h.node.Name || h.control.State().Nodes[node] != nil || !h.hasLatestTable() {
		return nil
	}
	for _, g := range h.groups {
		m := g.replica.Members()
		for _, name := range append(m.Voters, m.Learners...) {
			if name == node {
				return nil
			}
		}
	}
	return errRemoved(node)
}

func errRemoved(node string) error {
	return fault.New(fault.PermissionDenied, "node %q was removed from the region", node).
		WithHint("to come back it has to join anew, with an empty folder: weir hub join")
}

// hasLatestTable reports whether this node's table of nodes is as the control group's leader has it, but for what has been
// committed in the last moment.
func (h *Hub) hasLatestTable() bool {
	g := h.groups[placement.Control]
	if g.lead.leads() {
		return true
	}
	leader, _ := g.replica.Leader()
	return leader != "" && leader != h.node.Name && h.control.State().Nodes[leader] != nil && g.ailing() == "" &&
		time.Since(g.replica.Heard()) < freshTable && g.replica.Applied() >= g.replica.Committed()
}

// admitStream is checkMember for streams of Raft groups.
func (h *Hub) admitStream(node string, _ uint32) error { return h.checkMember(node) }

// disconnectGone closes the connections to nodes that were in the table and are not any more. It returns those that are.
func (h *Hub) disconnectGone(before []string) (now []string) {
	table := h.control.State().Nodes
	d, ok := h.transport.(disconnecter)
	for _, node := range before {
		if ok && table[node] == nil && h.checkMember(node) != nil {
			h.log.Info("closing the connections to a node that has left the region", "left", node)
			d.Disconnect(node)
		}
	}
	for node := range table {
		now = append(now, node)
	}
	return now
}

// askWhetherRemoved asks the region whether this node has been removed from it, and stops if it has: it would wait for ever.
func (h *Hub) askWhetherRemoved() {
	ctx, cancel := context.WithTimeout(h.ctx, surveyTimeout)
	defer cancel()
	for _, node := range h.others() {
		known, err := call[wrapperspb.BoolValue](ctx, h, node, methodBelongs, &meshpb.GetStatus{Region: h.region.ID, Incarnation: h.node.Incarnation})
		if err != nil || known.GetValue() {
			continue
		}
		why := errRemoved(h.node.Name)
		h.log.Error("this node was removed from its region and takes no part in it any more", "said by", node,
			"hint", "stop it, and remove its folder if nobody needs it")
		h.stop(why)
		return
	}
}

// answerBelongs says whether the region has the node that asks. Only the leader of the control group does, after making sure
// that it leads.
func (h *Hub) answerBelongs(ctx context.Context, from string, q *meshpb.GetStatus) (*wrapperspb.BoolValue, error) {
	if err := h.checkRegion(from, q.GetRegion()); err != nil {
		return nil, err
	}
	g := h.groups[placement.Control]
	if _, err := g.verifiedCommit(ctx); err != nil {
		return nil, err
	}
	n := h.control.State().Nodes[from]
	return wrapperspb.Bool(n != nil && n.GetIncarnation() == q.GetIncarnation()), nil
}
