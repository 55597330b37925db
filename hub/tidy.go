package hub

import (
	"context"
	"fmt"
	"time"

	"weir/proto/logpb"
)

// tidy is the regular work of the control group's leader.
func (h *Hub) tidy(ctx context.Context) error {
	if err := h.dropTenants(ctx); err != nil {
		return fmt.Errorf("drop deleted tenants: %w", err)
	}
	if err := h.dropStaged(ctx); err != nil {
		return fmt.Errorf("drop modules that were given up: %w", err)
	}
	return nil
}

// dropTenants has the shards drop the channels of deleted tenants.
func (h *Hub) dropTenants(ctx context.Context) error {
	for _, id := range h.control.State().Meta.GetDropping() {
		for _, p := range h.shards {
			entry := &logpb.Entry{Command: &logpb.Entry_DropTenant{DropTenant: &logpb.DropTenant{TenantId: id}}}
			if _, err := p.group.propose(ctx, entry); err != nil {
				return err
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
