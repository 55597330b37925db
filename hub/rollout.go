package hub

import (
	"context"

	"weir/proto/fault"
	"weir/proto/logpb"
	"weir/proto/weirpb"
)

// SetRollout tries a version of a filter beside the live one, or ends that.
func (h *Hub) SetRollout(ctx context.Context, r *weirpb.SetRolloutRequest) (*weirpb.FilterVersion, error) {
	canary := r.GetRole() == weirpb.FilterRole_FILTER_ROLE_CANARY
	switch r.GetRole() {
	case weirpb.FilterRole_FILTER_ROLE_UNSPECIFIED, weirpb.FilterRole_FILTER_ROLE_SHADOW, weirpb.FilterRole_FILTER_ROLE_CANARY:
	default:
		return nil, fault.New(fault.InvalidArgument, "a version is tried as a shadow or as a canary").
			WithHint("to make one live, promote it")
	}
	switch percent := r.GetCanaryPercent(); {
	case canary && (percent < 1 || percent > 100):
		return nil, fault.New(fault.InvalidArgument, "a canary gets 1 to 100 per cent of the subscriptions, not %d", percent)
	case !canary && percent != 0:
		return nil, fault.New(fault.InvalidArgument, "only a canary has a share of the subscriptions")
	}
	return change[weirpb.FilterVersion](ctx, h, &logpb.ControlCommand{Command: &logpb.ControlCommand_SetRollout{
		SetRollout: &logpb.SetRollout{
			Tenant: r.GetTenant(), Name: r.GetName(), Version: r.GetVersion(), Role: r.GetRole(), CanaryPercent: r.GetCanaryPercent(),
		},
	}})
}

// EndCanary ends a canary that has failed on an edge, if it is still the trial that began at sinceMs, milliseconds since
// the Unix epoch.
func (h *Hub) EndCanary(ctx context.Context, tenant, filter string, version uint32, sinceMs int64) error {
	_, err := change[weirpb.FilterVersion](ctx, h, &logpb.ControlCommand{Command: &logpb.ControlCommand_SetRollout{
		SetRollout: &logpb.SetRollout{Tenant: tenant, Name: filter, Version: version, SinceMs: sinceMs},
	}})
	return err
}

// PromoteFilter makes a version live, for 0 the one that is being tried.
func (h *Hub) PromoteFilter(ctx context.Context, r *weirpb.PromoteFilterRequest) (*weirpb.FilterVersion, error) {
	return change[weirpb.FilterVersion](ctx, h, &logpb.ControlCommand{Command: &logpb.ControlCommand_PromoteFilter{
		PromoteFilter: &logpb.PromoteFilter{Tenant: r.GetTenant(), Name: r.GetName(), Version: r.GetVersion()},
	}})
}

// RollbackFilter makes the version live again that was live before.
func (h *Hub) RollbackFilter(ctx context.Context, r *weirpb.RollbackFilterRequest) (*weirpb.FilterVersion, error) {
	return change[weirpb.FilterVersion](ctx, h, &logpb.ControlCommand{Command: &logpb.ControlCommand_RollbackFilter{
		RollbackFilter: &logpb.RollbackFilter{Tenant: r.GetTenant(), Name: r.GetName()},
	}})
}

// PauseFilter has a version, for 0 the live one, not be asked any more: the failure policy decides.
func (h *Hub) PauseFilter(ctx context.Context, r *weirpb.PauseFilterRequest) (*weirpb.FilterVersion, error) {
	return h.setPaused(ctx, &logpb.PauseFilter{Tenant: r.GetTenant(), Name: r.GetName(), Version: r.GetVersion(), Paused: true})
}

// ResumeFilter ends what PauseFilter began.
func (h *Hub) ResumeFilter(ctx context.Context, r *weirpb.ResumeFilterRequest) (*weirpb.FilterVersion, error) {
	return h.setPaused(ctx, &logpb.PauseFilter{Tenant: r.GetTenant(), Name: r.GetName(), Version: r.GetVersion()})
}

func (h *Hub) setPaused(ctx context.Context, c *logpb.PauseFilter) (*weirpb.FilterVersion, error) {
	return change[weirpb.FilterVersion](ctx, h, &logpb.ControlCommand{Command: &logpb.ControlCommand_PauseFilter{PauseFilter: c}})
}
