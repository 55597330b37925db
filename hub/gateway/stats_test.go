package gateway_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"weir/hub/filterstats"
	"weir/hub/gateway"
	"weir/hub/hubclient"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

// stats are what edges have reported to a node since it began.
type stats struct {
	ledger atomic.Pointer[filterstats.Ledger]
}

// restart forgets all that was reported, as a node does that begins anew.
func (s *stats) restart() { s.ledger.Store(filterstats.New(quiet)) }

func (s *stats) ReportFilters(ctx context.Context, r *weirpb.EdgeReport) error {
	return s.ledger.Load().ReportFilters(ctx, r)
}

var version = &weirpb.FilterVersion{Tenant: "acme", Name: "f", Version: 1, Digest: []byte{1}}

func (n *node) ListFilters(context.Context, *weirpb.ListFiltersRequest) (*weirpb.ListFiltersResponse, error) {
	return &weirpb.ListFiltersResponse{Filters: []*weirpb.FilterVersion{version}}, nil
}

func (n *node) answer(ctx context.Context, procedure string, request []byte) ([]byte, error) {
	return gateway.AnswerStats(filterstats.NewNode(n, n.ledger.Load()), gateway.Answer(n))(ctx, procedure, request)
}

// regional returns what a node answers for the whole region.
func (r *region) regional(i int) *gateway.Stats {
	return gateway.NewStats(filterstats.NewNode(r.nodes[i], r.nodes[i].ledger.Load()), r.clients[i])
}

// A reportingEdge reports to all nodes as edges do.
type reportingEdge struct {
	t        *testing.T
	client   *hubclient.Client
	instance string
	number   uint64
	begun    bool
}

func (e *reportingEdge) report(calls uint64) {
	e.t.Helper()
	for range 3 {
		e.number++
		err := e.client.ReportFilters(e.t.Context(), &weirpb.EdgeReport{
			Instance: e.instance, Host: "edge of " + e.instance, Begins: !e.begun, Number: e.number,
			Filters: []*weirpb.FilterReport{{
				Tenant: "acme", Name: "f", Version: 1, Digest: version.Digest, Counts: &weirpb.FilterCounts{Calls: calls, Fuel: 10 * calls},
			}},
			Lines: []*weirpb.FilterLine{{Tenant: "acme", Name: "f", Version: 1, Number: calls, Text: "counted"}},
		})
		if e.begun = err == nil; e.begun {
			return
		}
		if fault.CodeOf(err) != fault.NotFound {
			e.t.Fatal(err)
		}
	}
	e.t.Fatal("the hub goes on asking for everything")
}

// connected waits until all nodes take an edge's reports, and know each other.
func (r *region) connected(t *testing.T, e *reportingEdge) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for i := range r.nodes {
		for {
			e.report(1)
			answer, err := r.regional(i).GetFilterStats(ctx, &weirpb.GetFilterStatsRequest{Tenant: "acme"})
			if err != nil {
				t.Fatal(err)
			}
			if own := r.nodes[i].ledger.Load().Stats([]*weirpb.FilterVersion{version}); answer.GetUnaskedNodes() == 0 && len(own.GetFilters()) == 1 {
				break
			}
		}
	}
}

// Whichever of three nodes is asked, each edge counts once: over the restart of an edge, and of a node that then knows nothing of
// the edge that is gone.
func TestEveryNodeSaysTheSameOfFilters(t *testing.T) {
	r := newRegion(t)
	r.LeadAll("hub-1")
	client, err := hubclient.New(hubclient.Config{Addrs: r.links, TLS: r.identity.client(), Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	first := &reportingEdge{t: t, client: client, instance: "first"}
	r.connected(t, first)
	first.report(10) // its last words
	second := &reportingEdge{t: t, client: client, instance: "second"}
	second.report(5)
	r.same(t, 15, 2)

	r.nodes[1].restart()
	r.same(t, 15, 2) // from those that have not
	second.report(7)
	r.same(t, 17, 2)
	if own := r.nodes[1].ledger.Load().Stats([]*weirpb.FilterVersion{version}); own.GetFilters()[0].GetTotal().GetCalls() != 7 {
		t.Errorf("the node that began anew knows of %v", own)
	}

	for _, n := range r.nodes {
		n.restart()
	}
	second.report(8)
	r.same(t, 8, 1) // what the edge that is gone had counted is lost with the last node that knew
}

// same checks that every node answers with so many calls, of so many edges.
func (r *region) same(t *testing.T, calls uint64, edges int) {
	t.Helper()
	for i := range r.nodes {
		answer, err := r.regional(i).GetFilterStats(t.Context(), &weirpb.GetFilterStatsRequest{Tenant: "acme", Name: "f"})
		if err != nil || len(answer.GetFilters()) != 1 {
			t.Fatalf("node %d answers %v, %v", i, answer, err)
		}
		s := answer.GetFilters()[0]
		if s.GetTotal().GetCalls() != calls || s.GetTotal().GetFuel() != 10*calls || len(s.GetEdges()) != edges {
			t.Errorf("node %d answers %d calls and %d fuel of %d edges; want %d, %d of %d", i, s.GetTotal().GetCalls(), s.GetTotal().GetFuel(),
				len(s.GetEdges()), calls, 10*calls, edges)
		}
		logs, err := r.regional(i).GetFilterLogs(t.Context(), &weirpb.GetFilterLogsRequest{Tenant: "acme", Name: "f"})
		if err != nil || len(logs.GetPositions()) != edges || len(logs.GetLines()) < edges {
			t.Errorf("node %d answers with the lines %v, %v", i, logs, err)
		}
	}
}

func TestStatsOfWhatThereIsNot(t *testing.T) {
	r := newRegion(t)
	if _, err := r.regional(0).GetFilterStats(t.Context(), &weirpb.GetFilterStatsRequest{Tenant: "acme", Name: "g"}); fault.CodeOf(err) != fault.FilterUnknown {
		t.Errorf("of a filter that there is not: %v", err)
	}
	if _, err := r.regional(0).GetFilterLogs(t.Context(), &weirpb.GetFilterLogsRequest{Tenant: "acme", Name: "g"}); fault.CodeOf(err) != fault.FilterUnknown {
		t.Errorf("lines of a filter that there is not: %v", err)
	}
}
