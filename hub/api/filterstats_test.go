package api

import (
	"context"
	"testing"

	"weir/hub/filterstats"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

// listed is a hub that has one filter.
type listed struct{ Hub }

var theVersion = &weirpb.FilterVersion{Tenant: "acme", Name: "f", Version: 1, Digest: []byte{1}}

func (listed) ListFilters(context.Context, *weirpb.ListFiltersRequest) (*weirpb.ListFiltersResponse, error) {
	return &weirpb.ListFiltersResponse{Filters: []*weirpb.FilterVersion{theVersion}}, nil
}

func TestFilterStats(t *testing.T) {
	ledger := filterstats.New(nil)
	report := &weirpb.EdgeReport{Instance: "i", Begins: true, Filters: []*weirpb.FilterReport{{
		Tenant: theVersion.Tenant, Name: theVersion.Name, Version: 1, Digest: theVersion.Digest, Counts: &weirpb.FilterCounts{Matches: 3},
	}}}
	if err := ledger.ReportFilters(t.Context(), report); err != nil {
		t.Fatal(err)
	}
	s := filters{listed{}, ledger}
	for _, name := range []string{"", "f"} {
		answer, err := s.sumFilterStats(t.Context(), &weirpb.GetFilterStatsRequest{Tenant: "acme", Name: name})
		if err != nil || len(answer.GetFilters()) != 1 || answer.GetFilters()[0].GetTotal().GetMatches() != 3 {
			t.Errorf("of %q: %v, %v", name, answer, err)
		}
	}
	if _, err := s.sumFilterStats(t.Context(), &weirpb.GetFilterStatsRequest{Tenant: "acme", Name: "none"}); fault.CodeOf(err) != fault.FilterUnknown {
		t.Errorf("of a filter that there is not: %v", err)
	}
	if _, err := (filters{listed{}, nil}).sumFilterStats(t.Context(), &weirpb.GetFilterStatsRequest{}); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("of a hub that keeps none: %v", err)
	}
}
