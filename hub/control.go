package hub

import (
	"context"
	"errors"

	"weir/hub/internal/control"
	"weir/hub/internal/placement"
	"weir/proto/fault"
	"weir/proto/logpb"
	"weir/proto/weirpb"
)

// command proposes a change of the control state and waits until it is made. A refusal is a *fault.Fault.
func (h *Hub) command(ctx context.Context, c *logpb.ControlCommand) (any, error) {
	return h.groups[placement.Control].propose(ctx, &logpb.Entry{Command: &logpb.Entry_Control{Control: c}})
}

// change is command for callers from outside.
func change[R any](ctx context.Context, h *Hub, c *logpb.ControlCommand) (*R, error) {
	if err := h.checkControl(); err != nil {
		return nil, err
	}
	answer, err := h.command(ctx, c)
	if err != nil {
		return nil, err
	}
	r, _ := answer.(*R)
	return r, nil
}

// checkControl returns why this node can't change the control state now.
func (h *Hub) checkControl() error {
	if err := h.status.check(); err != nil {
		return err
	}
	return h.groups[placement.Control].checkLead()
}

// tenant returns a tenant as it is now.
func (h *Hub) tenant(called string) (*control.Tenant, error) {
	if err := h.status.check(); err != nil {
		return nil, err
	}
	return sure(h.ctx, h, func() (*control.Tenant, error) {
		if t := h.control.State().Tenants[called]; t != nil {
			return t, nil
		}
		return nil, control.UnknownTenant(called)
	})
}

// WatchControl delivers the whole control state, then each change, one call at a time, until ctx ends, deliver fails or
// the hub stops serving. It returns why. What is delivered must not be changed.
func (h *Hub) WatchControl(ctx context.Context, deliver func(*weirpb.ControlUpdate) error) error {
	if err := h.status.check(); err != nil {
		return err
	}
	both, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stop := context.AfterFunc(h.ctx, func() { cancel(context.Cause(h.ctx)) })
	defer stop()
	return h.control.Watch(both, deliver)
}

// ControlIndex returns an index of the control state at which it has all that had been answered to anybody before the call, on
// whichever node: WatchControl delivers that index, or a later one, within moments.
func (h *Hub) ControlIndex(ctx context.Context) (uint64, error) {
	if err := h.status.check(); err != nil {
		return 0, err
	}
	if h.transport != nil {
		if late := h.catchUp(ctx); late != nil {
			return 0, mayNotKnow(late)
		}
	}
	return h.control.State().Meta.GetIndex(), nil
}

// Module returns the filter module with this SHA-256, if a version of a filter refers to it.
func (h *Hub) Module(ctx context.Context, digest []byte) ([]byte, error) {
	if err := h.status.check(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, fault.New(fault.Timeout, "the request was given up").WithCause(err)
	}
	module, err := sure(ctx, h, func() ([]byte, error) { return h.control.Module(digest) })
	if err != nil {
		var refused *fault.Fault
		if errors.As(err, &refused) {
			return nil, refused
		}
		return nil, fault.New(fault.Internal, "the module can't be read").WithHint("operators: see the hub's log").WithCause(err)
	}
	return module, nil
}
