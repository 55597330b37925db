package hub

import (
	"context"
	"fmt"
	"time"

	"weir/proto/fault"
	"weir/proto/logpb"
	"weir/proto/meshpb"
)

// tidy is the regular work of the control group's leader.
func (h *Hub) tidy(ctx context.Context) error {
	if err := h.dropTenants(ctx); err != nil {
		return fmt.Errorf("drop deleted tenants: %w", err)
	}
	if err := h.dropStaged(ctx); err != nil {
		return fmt.Errorf("drop modules that were given up: %w", err)
	}
	if err := h.forgetNodes(ctx); err != nil {
		return fmt.Errorf("forget nodes that have left: %w", err)
	}
	return nil
}

// dropTenants has the shards drop the channels of deleted tenants.
func (h *Hub) dropTenants(ctx context.Context) error {
	for _, id := range h.control.State().Meta.GetDropping() {
		for _, p := range h.shards {
			if err := p.group.dropTenant(ctx, id); err != nil {
				return fmt.Errorf("shard %d: %w", p.id, err)
			}
		}
		_, err := h.command(ctx, &logpb.ControlCommand{Command: &logpb.ControlCommand_TenantDropped{
			TenantDropped: &logpb.TenantDropped{TenantId: id},
		}})
		if err != nil {
			return err
		}
	}
	return nil
}

// dropTenant has the leader of the shard drop a tenant's channels.
func (g *group) dropTenant(ctx context.Context, id uint64) error {
	ctx, cancel := context.WithTimeout(ctx, dropTimeout)
	defer cancel()
	leader, err := g.awaitLeader(ctx)
	if err != nil {
		return err
	}
	if leader != g.hub.node.Name {
		_, err := call[meshpb.Done](ctx, g.hub, leader, methodDrop, &meshpb.DropTenant{
			Region: g.hub.region.ID, Group: uint32(g.id), TenantId: id,
		})
		return err
	}
	_, err = g.propose(ctx, &logpb.Entry{Command: &logpb.Entry_DropTenant{DropTenant: &logpb.DropTenant{TenantId: id}}})
	return err
}

// dropTimeout is how long one shard may take to drop a tenant's channels.
const dropTimeout = 5 * time.Second

// answerDrop drops a tenant's channels of a shard that this node leads.
func (h *Hub) answerDrop(ctx context.Context, from string, q *meshpb.DropTenant) (*meshpb.Done, error) {
	if err := h.checkRegion(from, q.GetRegion()); err != nil {
		return nil, err
	}
	if q.GetGroup() < 1 || int(q.GetGroup()) >= len(h.groups) {
		return nil, fault.New(fault.InvalidArgument, "there is no shard %d", q.GetGroup())
	}
	g := h.groups[q.GetGroup()]
	if err := g.checkLead(); err != nil {
		return nil, err
	}
	return &meshpb.Done{}, g.dropTenant(ctx, q.GetTenantId())
}

// stagedFor is how long an upload may take.
const stagedFor = 10 * time.Minute

// dropStaged drops modules whose upload was given up.
func (h *Hub) dropStaged(ctx context.Context) error {
	before := h.config.Now().Add(-stagedFor).UnixMilli()
	for _, m := range h.control.State().Modules {
		if m.GetCommitted() || m.GetStagedMs() >= before {
			continue
		}
		_, err := h.command(ctx, &logpb.ControlCommand{Command: &logpb.ControlCommand_DropStaged{
			DropStaged: &logpb.DropStaged{BeforeMs: before},
		}})
		return err
	}
	return nil
}
