package filterstats

import (
	"cmp"
	"slices"

	"google.golang.org/protobuf/proto"

	"weir/proto/filtercounts"
	"weir/proto/weirpb"
)

// MergeStats puts together what several nodes answer about the same filters, the first one's versions in its order. Each edge reports
// the same to every node, so its rows are taken once, at the latest that any node knows. Edges that are gone, of which
// a node that has begun since knows nothing, are taken from whoever does.
func MergeStats(answers ...*weirpb.GetFilterStatsResponse) *weirpb.GetFilterStatsResponse {
	merged := &weirpb.GetFilterStatsResponse{}
	rows := map[version][]*weirpb.FilterStats{}
	var order []version
	for _, answer := range answers {
		if since := answer.GetSinceMs(); merged.SinceMs == 0 || since != 0 && since < merged.SinceMs {
			merged.SinceMs = since
		}
		merged.UnaskedNodes += answer.GetUnaskedNodes()
		for _, s := range answer.GetFilters() {
			f := s.GetFilter()
			v := versionOf(f.GetTenant(), f.GetName(), f.GetVersion(), f.GetDigest())
			if rows[v] == nil {
				order = append(order, v)
			}
			rows[v] = append(rows[v], s)
		}
	}
	slices.SortStableFunc(order, func(a, b version) int {
		return cmp.Or(cmp.Compare(a.name, b.name), cmp.Compare(a.number, b.number))
	})
	for _, v := range order {
		merged.Filters = append(merged.Filters, mergeVersion(rows[v]))
	}
	return merged
}

// mergeVersion puts together what nodes know of one version. A node that has added up the rows of edges that are long gone can't
// say any more whose they were, so nothing can be told apart from what others know: the one that knows most is taken alone.
func mergeVersion(answers []*weirpb.FilterStats) *weirpb.FilterStats {
	if slices.ContainsFunc(answers, hasFolded) {
		return slices.MaxFunc(answers, func(a, b *weirpb.FilterStats) int {
			return cmp.Compare(a.GetTotal().GetCalls(), b.GetTotal().GetCalls())
		})
	}
	merged := &weirpb.FilterStats{Filter: answers[0].GetFilter(), Total: &weirpb.FilterCounts{}}
	edges := map[string]*weirpb.EdgeFilterStats{}
	for _, answer := range answers {
		for _, e := range answer.GetEdges() {
			edges[e.GetInstance()] = later(edges[e.GetInstance()], e)
		}
		merged.Samples = addSamples(merged.Samples, answer.GetSamples())
	}
	for _, e := range edges {
		filtercounts.Add(merged.Total, e.GetCounts())
		merged.Edges = append(merged.Edges, e)
	}
	sortEdges(merged.Edges)
	return merged
}

func hasFolded(s *weirpb.FilterStats) bool {
	return slices.ContainsFunc(s.GetEdges(), func(e *weirpb.EdgeFilterStats) bool { return e.GetInstance() == "" })
}

// later returns what is known of an edge when two nodes have been told at different times; a may be nil.
func later(a, b *weirpb.EdgeFilterStats) *weirpb.EdgeFilterStats {
	if a == nil {
		return b
	}
	if a.GetReportedMs() > b.GetReportedMs() {
		a, b = b, a
	}
	b = proto.CloneOf(b)
	filtercounts.Raise(b.Counts, a.GetCounts())
	b.Gone = a.GetGone() && b.GetGone()
	return b
}

// addSamples adds differences that are not there yet, up to as many as are kept.
func addSamples(list, more []*weirpb.FilterDifference) []*weirpb.FilterDifference {
	for _, d := range more {
		known := slices.ContainsFunc(list, func(s *weirpb.FilterDifference) bool { return proto.Equal(s, d) })
		if !known && len(list) < maxSamples {
			list = append(list, d)
		}
	}
	return list
}

// MergeLogs puts together the lines that several nodes have; of a line that several have one copy is taken.
func MergeLogs(answers ...*weirpb.GetFilterLogsResponse) *weirpb.GetFilterLogsResponse {
	type line struct {
		talker
		number uint64
	}
	merged := &weirpb.GetFilterLogsResponse{}
	seen, said := map[line]bool{}, map[talker]uint64{}
	for _, answer := range answers {
		merged.UnaskedNodes += answer.GetUnaskedNodes()
		for _, l := range answer.GetLines() {
			if id := (line{talkerOf(l), l.GetLine().GetNumber()}); !seen[id] {
				seen[id] = true
				merged.Lines = append(merged.Lines, l)
			}
		}
		for _, p := range answer.GetPositions() {
			said[talkerAt(p)] = max(said[talkerAt(p)], p.GetNumber())
		}
	}
	sortLines(merged.Lines)
	merged.Positions = listPositions(said)
	return merged
}
