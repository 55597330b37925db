package hub

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"
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

// An introducer tells other nodes this one's incarnation, and asks, for each connection and on Recheck, why the process at its
// other end is not the node that it says it is. Transports may be one.
type introducer interface {
	Introduce(incarnation string, recognise func(node, incarnation string) error)
	Recheck()
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

// recognise refuses a process with the folder of a node that was removed, and whose name another one has now. It has a certificate,
// and as it does not know of its end it would go on counting as that node.
func (h *Hub) recognise(node, incarnation string) error {
	if !h.status.takes() || incarnation == "" {
		return nil
	}
	n := h.control.State().Nodes[node]
	if n == nil || n.GetIncarnation() == incarnation || !h.hasLatestTable() {
		return nil
	}
	return errReplaced(node)
}

func errReplaced(node string) error {
	return fault.New(fault.PermissionDenied, "another node %q has taken the place of this one", node).
		WithHint("stop it, and remove its folder if nobody needs it")
}

// MayUseLink returns why a node must not use this one's link, nil if it may. Its certificate is good, but it may have been removed.
func (h *Hub) MayUseLink(node string) error { return h.checkMember(node) }

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

// disconnectGone closes the connections to nodes that were in the table and are not any more. It returns whom to look after the
// next time.
func (h *Hub) disconnectGone(before []string) (next []string) {
	if d, ok := h.transport.(disconnecter); ok {
		return h.disconnectGoneBy(d, before)
	}
	return nil
}

func (h *Hub) disconnectGoneBy(d disconnecter, before []string) (next []string) {
	table := h.control.State().Nodes
	for _, node := range before {
		switch {
		case table[node] != nil:
		case h.checkMember(node) == nil:
			next = append(next, node) // it may be a member, as far as this node can tell now
		default:
			h.log.Info("closing the connections to a node that has left the region", "left", node)
			d.Disconnect(node)
		}
	}
	for node := range table {
		next = append(next, node)
	}
	return next
}

// askWhetherRemoved asks the region whether this node has been removed from it, and stops if it has: it would wait for ever.
func (h *Hub) askWhetherRemoved() {
	for _, node := range h.others() {
		ctx, cancel := context.WithTimeout(h.ctx, surveyTimeout) // for each: one that is silent must not keep the rest from being asked
		known, err := h.askBelongs(ctx, node)
		cancel()
		if err != nil || known {
			continue
		}
		why := errRemoved(h.node.Name)
		h.log.Error("this node was removed from its region and takes no part in it any more", "said by", node,
			"hint", "stop it, and remove its folder if nobody needs it")
		h.stop(why)
		return
	}
}

// askBelongs asks a node at its address: others may take no connection of this one any more, but for a single call.
func (h *Hub) askBelongs(ctx context.Context, node string) (bool, error) {
	addr, ok := h.meshAddress(node)
	if !ok {
		return false, fmt.Errorf("no address is known of node %q", node)
	}
	request, err := proto.Marshal(&meshpb.GetStatus{Region: h.region.ID, Incarnation: h.node.Incarnation})
	if err != nil {
		return false, err
	}
	_, response, err := h.transport.CallAddress(ctx, addr, methodBelongs, request)
	if err != nil {
		return false, err
	}
	known := &wrapperspb.BoolValue{}
	err = proto.Unmarshal(response, known)
	return known.GetValue(), err
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
