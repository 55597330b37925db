package hub

import (
	"context"

	"weir/proto/fault"
	"weir/proto/logpb"
	"weir/proto/weirpb"
)

// SetTenantLimits replaces what a tenant's filters may use.
func (h *Hub) SetTenantLimits(ctx context.Context, r *weirpb.SetTenantLimitsRequest) (*weirpb.Tenant, error) {
	if err := checkLimits(r.GetLimits()); err != nil {
		return nil, err
	}
	return change[weirpb.Tenant](ctx, h, &logpb.ControlCommand{Command: &logpb.ControlCommand_SetTenantLimits{
		SetTenantLimits: &logpb.SetTenantLimits{Tenant: r.GetName(), Limits: r.GetLimits()},
	}})
}

// SetFilterLimits replaces what a filter may use in all its versions, where that is less than its tenant may.
func (h *Hub) SetFilterLimits(ctx context.Context, r *weirpb.SetFilterLimitsRequest) (*weirpb.FilterLimits, error) {
	if r.GetLimits().GetFuelPerSecond() != 0 {
		return nil, fault.New(fault.InvalidArgument, "fuel_per_second is a limit of tenants, over all their filters").
			WithHint("operators: weir tenant limits")
	}
	if err := checkLimits(r.GetLimits()); err != nil {
		return nil, err
	}
	return change[weirpb.FilterLimits](ctx, h, &logpb.ControlCommand{Command: &logpb.ControlCommand_SetFilterLimits{
		SetFilterLimits: &logpb.SetFilterLimits{Tenant: r.GetTenant(), Name: r.GetName(), Limits: r.GetLimits()},
	}})
}

// Bounds of limits. Edges cut what is above their own.
const (
	minFuel     = 10_000 // less than any module of a real compiler takes for an event
	maxFuel     = 1_000_000_000_000_000
	maxPages    = 65_536
	maxLogLines = 10_000
)

func checkLimits(l *weirpb.FilterLimits) error {
	for _, s := range []struct {
		called          string
		value, min, max uint64
	}{
		{"fuel_per_call", l.GetFuelPerCall(), minFuel, maxFuel},
		{"fuel_per_group", l.GetFuelPerGroup(), 1, maxFuel},
		{"memory_pages", uint64(l.GetMemoryPages()), 1, maxPages},
		{"module_bytes", uint64(l.GetModuleBytes()), 1, maxModule},
		{"output_bytes", uint64(l.GetOutputBytes()), 1, maxPayload},
		{"log_lines_per_second", uint64(l.GetLogLinesPerSecond()), 1, maxLogLines},
		{"fuel_per_second", l.GetFuelPerSecond(), minFuel, maxFuel},
	} {
		if s.value != 0 && (s.value < s.min || s.value > s.max) {
			return fault.New(fault.InvalidArgument, "%s is %d, it can be %d to %d", s.called, s.value, s.min, s.max).
				WithHint("0 is the default")
		}
	}
	return nil
}
