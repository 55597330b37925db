package api

import (
	"context"

	"weir/hub/filterstats"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

var _ FilterStats = (*filterstats.Ledger)(nil)

// FilterStats adds up what edges report of their filters; *filterstats.Ledger does.
type FilterStats interface {
	// Stats returns what versions have done, in their order; those that no edge has used are left out.
	Stats(versions []*weirpb.FilterVersion) *weirpb.GetFilterStatsResponse
}

func (s filters) GetFilterStats(ctx context.Context, r *weirpb.GetFilterStatsRequest) (*weirpb.GetFilterStatsResponse, error) {
	return onTenant(ctx, tenantFor, &r.Tenant, r, s.sumFilterStats)
}

func (s filters) sumFilterStats(ctx context.Context, r *weirpb.GetFilterStatsRequest) (*weirpb.GetFilterStatsResponse, error) {
	if s.stats == nil {
		return nil, fault.New(fault.Unavailable, "this hub does not add up what edges report")
	}
	all, err := s.hub.ListFilters(ctx, &weirpb.ListFiltersRequest{Tenant: r.GetTenant()})
	if err != nil {
		return nil, err
	}
	var versions []*weirpb.FilterVersion
	for _, v := range all.GetFilters() {
		if r.GetName() == "" || r.GetName() == v.GetName() {
			versions = append(versions, v)
		}
	}
	if len(versions) == 0 && r.GetName() != "" {
		return nil, fault.New(fault.FilterUnknown, "the tenant has no filter %.64q", r.GetName()).WithHint("weir filter list")
	}
	return s.stats.Stats(versions), nil
}
