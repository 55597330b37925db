package hub

import (
	"context"

	"weir/proto/fault"
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
			if g.ready() {
				break
			}
			select {
			case <-ctx.Done():
				return fault.New(fault.Unavailable, "group %d has no leader yet, or this node has not caught up with it", g.id).
					WithCause(context.Cause(ctx))
			case <-h.ctx.Done():
				return context.Cause(h.ctx)
			case <-changed:
			}
		}
	}
	return nil
}

// ready reports whether the group has a leader that this node keeps up with.
func (g *group) ready() bool {
	if g.replica.Leads() {
		return g.lead.leads()
	}
	return g.led()
}
