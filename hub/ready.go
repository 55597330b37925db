package hub

import (
	"context"
	"slices"
	"time"

	"weir/proto/fault"
	"weir/proto/meshpb"
)

// Ready waits until this node takes part in all groups of its region, has applied what was committed before, and every
// group has a leader: a rolling restart may go on to the next node. It returns why not if it never will, or that ctx has
// ended.
func (h *Hub) Ready(ctx context.Context) error {
	for {
		now := h.status.get()
		switch {
		case now.failed != nil:
			return now.failed
		case h.status.serving.Load():
			return h.groupsReady(ctx)
		}
		select {
		case <-ctx.Done():
			if now.waits != nil {
				return now.waits
			}
			return context.Cause(ctx)
		case <-now.changed:
		}
	}
}

func (h *Hub) groupsReady(ctx context.Context) error {
	for _, g := range h.groups {
		for {
			changed := g.lead.watch()
			if g.ready() && g.caughtUp(ctx) {
				break
			}
			select {
			case <-ctx.Done():
				return fault.New(fault.Unavailable, "group %d has no leader yet, or this node has not caught up with it", g.id).
					WithCause(context.Cause(ctx))
			case <-h.ctx.Done():
				return context.Cause(h.ctx)
			case <-changed:
			case <-time.After(readyEvery):
			}
		}
	}
	return nil
}

// ready reports whether the group has a leader, and this node a vote.
func (g *group) ready() bool {
	if g.ailing() != "" {
		return false
	}
	if g.replica.Leads() {
		return g.lead.leads()
	}
	return g.led() && slices.Contains(g.replica.Members().Voters, g.hub.node.Name)
}

// readyEvery is how often it is looked at what tells nobody when it changes: how far this node and a leader are.
const readyEvery = 20 * time.Millisecond

// caughtUp reports whether this node has applied what the group's leader had committed when it was asked.
func (g *group) caughtUp(ctx context.Context) bool {
	leader, _ := g.replica.Leader()
	if leader == g.hub.node.Name {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, surveyTimeout)
	defer cancel()
	status, err := call[meshpb.NodeStatus](ctx, g.hub, leader, methodStatus, &meshpb.GetStatus{Region: g.hub.region.ID})
	if err != nil {
		return false
	}
	for _, s := range status.GetGroups() {
		if s.GetGroup() == uint32(g.id) {
			return s.GetLeader() == leader && g.replica.Applied() >= s.GetCommitted()
		}
	}
	return false
}
