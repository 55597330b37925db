package link_test

import (
	"testing"

	"weir/hub/filterstats"
	"weir/hub/hubclient"
	"weir/hub/internal/linktest"
	"weir/hub/link"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

var _ link.FilterStats = (*filterstats.Ledger)(nil)

func connect(t *testing.T, h link.Hub) *hubclient.Client {
	t.Helper()
	s := serve(t, h)
	client, err := hubclient.New(hubclient.Config{Addrs: []string{s.addr.String()}, TLS: s.edge, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func TestEdgesReportTheirFilters(t *testing.T) {
	ledger := filterstats.New(quiet)
	client := connect(t, struct {
		*linktest.Hub
		*filterstats.Ledger
	}{&linktest.Hub{}, ledger})
	v := &weirpb.FilterVersion{Tenant: "acme", Name: "f", Version: 1, Digest: []byte{1}}
	report := &weirpb.EdgeReport{Instance: "i", Host: "edge-1", Filters: []*weirpb.FilterReport{{
		Tenant: v.Tenant, Name: v.Name, Version: v.Version, Digest: v.Digest, Counts: &weirpb.FilterCounts{Calls: 3},
	}}}
	if err := client.ReportFilters(t.Context(), report); fault.CodeOf(err) != fault.NotFound {
		t.Fatalf("a report without beginning: %v", err)
	}
	report.Begins = true
	if err := client.ReportFilters(t.Context(), report); err != nil {
		t.Fatal(err)
	}
	if s := ledger.Stats([]*weirpb.FilterVersion{v}); len(s.GetFilters()) != 1 || s.GetFilters()[0].GetTotal().GetCalls() != 3 {
		t.Errorf("the stats are %v", s)
	}
}

func TestAHubWithoutStatsIsNotSentReports(t *testing.T) {
	client := connect(t, &linktest.Hub{})
	if err := client.ReportFilters(t.Context(), &weirpb.EdgeReport{Instance: "i", Begins: true}); fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("a report: %v", err)
	}
	if _, err := client.History(t.Context(), &weirpb.HistoryRequest{Channel: "chat", Limit: 1}); fault.CodeOf(err) == fault.Unavailable {
		t.Errorf("the connection is gone: %v", err)
	}
}
