package hub

import (
	"context"
	"slices"

	"weir/hub/internal/placement"
	"weir/proto/fault"
	"weir/proto/meshpb"
	"weir/proto/weirpb"
)

// RecoverGroup makes a node the only voter of a group of which a majority has lost its logs, or, where the request does not
// say where the node's log ends, tells what would become of it. Any node passes it on to the one concerned.
func (h *Hub) RecoverGroup(ctx context.Context, r *weirpb.RecoverGroupRequest) (*weirpb.RecoverGroupResponse, error) {
	if !h.status.takes() {
		return nil, h.status.check()
	}
	if r.GetNode() == h.node.Name {
		return h.recoverHere(ctx, r)
	}
	if !slices.Contains(h.others(), r.GetNode()) {
		return nil, fault.New(fault.NotFound, "there is no node %q", r.GetNode()).WithHint("weir hub status lists the nodes")
	}
	return call[weirpb.RecoverGroupResponse](ctx, h, r.GetNode(), methodRecover, &meshpb.RecoverGroup{Region: h.region.ID, Request: r})
}

// answerRecover is recoverHere for another node.
func (h *Hub) answerRecover(ctx context.Context, from string, q *meshpb.RecoverGroup) (*weirpb.RecoverGroupResponse, error) {
	if err := h.checkRegion(from, q.GetRegion()); err != nil {
		return nil, err
	}
	return h.recoverHere(ctx, q.GetRequest())
}

func (h *Hub) recoverHere(ctx context.Context, r *weirpb.RecoverGroupRequest) (*weirpb.RecoverGroupResponse, error) {
	if int(r.GetGroup()) >= len(h.groups) {
		return nil, fault.New(fault.NotFound, "there is no group %d", r.GetGroup()).WithHint("weir hub status lists the groups")
	}
	g := h.groups[placement.Group(r.GetGroup())]
	plan, err := g.planRecovery(ctx, r.GetLost())
	if err != nil || r.GetLast() == 0 {
		return plan, err
	}
	if r.GetLast() != plan.GetKept().GetLast() {
		return nil, fault.New(fault.InvalidArgument, "the log of node %q ends at entry %d now, not at %d", h.node.Name, plan.GetKept().GetLast(), r.GetLast()).
			WithHint("look again at what would be lost")
	}
	done := make(chan error, 1)
	select {
	case g.orders <- func() { done <- g.recover() }:
	case <-ctx.Done():
		return nil, fault.New(fault.Timeout, "the group is busy").WithCause(context.Cause(ctx))
	case <-h.ctx.Done():
		return nil, context.Cause(h.ctx)
	}
	select {
	case err := <-done:
		plan.Done = err == nil
		return plan, err
	case <-h.ctx.Done():
		return nil, context.Cause(h.ctx)
	}
}

// recover belongs to attend.
func (g *group) recover() error {
	g.log.Warn("this node becomes the only voter of the group, as an operator has told it to; what only others had is lost")
	if err := g.replica.Park(); err != nil {
		g.log.Info("the node's part in the group ended with errors", "error", err)
	}
	if err := g.replica.Recover(); err != nil {
		g.log.Error("the group could not be recovered", "error", err)
		if begun := g.begin(g.replica.Begin); begun != nil {
			g.hub.fail(begun)
		}
		return fault.New(fault.Internal, "the group could not be recovered; nothing was changed").WithCause(err)
	}
	return g.begin(g.replica.Begin)
}

// planRecovery finds out whether this node may become the only voter, and what would be lost. It may if it is certain that
// no majority of the voters has its logs: each of the others says so itself, or is named as lost by who must know.
func (g *group) planRecovery(ctx context.Context, lost []string) (*weirpb.RecoverGroupResponse, error) {
	h := g.hub
	voters := g.replica.Members().Voters
	if why := g.ailing(); why != "" || !slices.Contains(voters, h.node.Name) {
		return nil, fault.New(fault.InvalidArgument, "node %q has no vote or no intact log and state of group %d", h.node.Name, g.id).
			WithHint("weir hub status tells which node has")
	}
	last, term := g.replica.End()
	sure := max(g.replica.Committed(), g.machine.Applied())
	plan := &weirpb.RecoverGroupResponse{Kept: &weirpb.RegionMember{Node: h.node.Name, Voter: true, Applied: g.machine.Applied(), Last: last}}
	answers := h.askAll(ctx)
	well, beyond := 1, 0
	for _, node := range voters {
		if node == h.node.Name {
			continue
		}
		s := statusOf(answers[node], uint32(g.id))
		m := &weirpb.RegionMember{Node: node, Voter: true, Applied: s.GetApplied(), Ails: s.GetAils(), Last: s.GetLast()}
		plan.Others = append(plan.Others, m)
		named := slices.Contains(lost, node)
		switch {
		case s == nil && !named:
			return nil, fault.New(fault.InvalidArgument, "node %q does not answer, and may have what this one lacks", node).
				WithHint("start it; if its folder is gone for good, say so with --lost %s, and never start it again under this name", node)
		case s != nil && named:
			return nil, fault.New(fault.InvalidArgument, "node %q is not lost: it answers", node).WithHint("leave it out of --lost")
		case s == nil || ailment(s.GetAils()) == ailsLog:
			if s.GetLast() == 0 || s.GetLast() > sure {
				beyond++
			}
			continue
		}
		well++
		if s.GetLastTerm() > term || s.GetLastTerm() == term && s.GetLast() > last {
			return nil, fault.New(fault.InvalidArgument, "node %q has more of group %d than this one", node, g.id).
				WithHint("recover the group with %s", node)
		}
	}
	if well > len(voters)/2 {
		return nil, fault.New(fault.InvalidArgument, "group %d has a majority of intact logs: %d of %d", g.id, well, len(voters)).
			WithHint("it heals by itself; weir hub status tells how far it is")
	}
	// What was acknowledged is on a majority: without this node, there are so many among the others.
	plan.MayLose = beyond > len(voters)/2
	return plan, nil
}

// statusOf returns what a node says of a group, nil for nothing.
func statusOf(status *meshpb.NodeStatus, group uint32) *meshpb.GroupStatus {
	for _, s := range status.GetGroups() {
		if s.GetGroup() == group {
			return s
		}
	}
	return nil
}
