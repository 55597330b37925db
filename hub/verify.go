package hub

import (
	"context"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

// confirm makes sure that a read of a channel is as consistent as it must be. What has been acknowledged to anybody is
// applied here, for as long as this node leads: so for a linearizable read it is enough that it still does.
func (h *Hub) confirm(ctx context.Context, p place, c weirpb.Consistency) error {
	switch c {
	case weirpb.Consistency_CONSISTENCY_UNSPECIFIED, weirpb.Consistency_CONSISTENCY_LEADER:
		return nil
	case weirpb.Consistency_CONSISTENCY_LINEARIZABLE:
		return p.part.group.verify(ctx)
	}
	return fault.New(fault.InvalidArgument, "there is no consistency %d", c).WithHint(`use "leader" or "linearizable"`)
}

// verify asks a majority whether this node leads the group. It is refused with not_leader where it does not.
func (g *group) verify(ctx context.Context) error {
	done := make(chan error, 1)
	if !g.hub.status.spawn(&g.hub.running, func() { done <- g.replica.Verify() }) {
		return errClosed
	}
	select {
	case err := <-done:
		if err != nil {
			return g.notLeader()
		}
		return nil
	case <-ctx.Done():
		return fault.New(fault.Timeout, "no majority of the region's nodes has answered in time").WithCause(context.Cause(ctx))
	}
}
