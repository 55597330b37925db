package api

import (
	"context"

	"weir/hub/filterstats"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

var _ FilterStats = (*filterstats.Node)(nil)

// FilterStats says what edges report of filters, to one node or to all; *filterstats.Node and *gateway.Stats do.
type FilterStats interface {
	// GetFilterStats returns what versions have done; those that no edge has used are left out.
	GetFilterStats(context.Context, *weirpb.GetFilterStatsRequest) (*weirpb.GetFilterStatsResponse, error)
	// GetFilterLogs returns what filters have said lately.
	GetFilterLogs(context.Context, *weirpb.GetFilterLogsRequest) (*weirpb.GetFilterLogsResponse, error)
}

var errNoStats = fault.New(fault.Unavailable, "this hub does not add up what edges report")

func (s filters) GetFilterStats(ctx context.Context, r *weirpb.GetFilterStatsRequest) (*weirpb.GetFilterStatsResponse, error) {
	if s.stats == nil {
		return nil, errNoStats
	}
	return onTenant(ctx, tenantFor, &r.Tenant, r, s.stats.GetFilterStats)
}

func (s filters) GetFilterLogs(ctx context.Context, r *weirpb.GetFilterLogsRequest) (*weirpb.GetFilterLogsResponse, error) {
	if s.stats == nil {
		return nil, errNoStats
	}
	return onTenant(ctx, tenantFor, &r.Tenant, r, s.stats.GetFilterLogs)
}
