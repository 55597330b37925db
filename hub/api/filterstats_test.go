package api

import (
	"context"
	"testing"

	"weir/hub"
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
	}}, Lines: []*weirpb.FilterLine{{Tenant: theVersion.Tenant, Name: theVersion.Name, Version: 1, Number: 1, Text: "hello"}}}
	if err := ledger.ReportFilters(t.Context(), report); err != nil {
		t.Fatal(err)
	}
	ctx := context.WithValue(t.Context(), callKey{}, &call{principal: hub.Principal{Tenant: "acme"}})
	s := filters{listed{}, filterstats.NewNode(listed{}, ledger)}
	for _, name := range []string{"", "f"} {
		answer, err := s.GetFilterStats(ctx, &weirpb.GetFilterStatsRequest{Name: name})
		if err != nil || len(answer.GetFilters()) != 1 || answer.GetFilters()[0].GetTotal().GetMatches() != 3 {
			t.Errorf("of %q: %v, %v", name, answer, err)
		}
		logs, err := s.GetFilterLogs(ctx, &weirpb.GetFilterLogsRequest{Name: name})
		if err != nil || len(logs.GetLines()) != 1 || logs.GetLines()[0].GetLine().GetText() != "hello" {
			t.Errorf("of %q is said: %v, %v", name, logs, err)
		}
	}
	if _, err := s.GetFilterStats(ctx, &weirpb.GetFilterStatsRequest{Name: "none"}); fault.CodeOf(err) != fault.FilterUnknown {
		t.Errorf("of a filter that there is not: %v", err)
	}
	if _, err := s.GetFilterLogs(ctx, &weirpb.GetFilterLogsRequest{Name: "none"}); fault.CodeOf(err) != fault.FilterUnknown {
		t.Errorf("lines of a filter that there is not: %v", err)
	}
	if _, err := s.GetFilterLogs(ctx, &weirpb.GetFilterLogsRequest{Tenant: "other"}); fault.CodeOf(err) != fault.PermissionDenied {
		t.Errorf("lines of another tenant: %v", err)
	}
	none := filters{listed{}, nil}
	if _, err := none.GetFilterStats(ctx, &weirpb.GetFilterStatsRequest{}); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("of a hub that keeps none: %v", err)
	}
	if _, err := none.GetFilterLogs(ctx, &weirpb.GetFilterLogsRequest{}); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("lines of a hub that keeps none: %v", err)
	}
}
