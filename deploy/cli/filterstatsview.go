package cli

import (
	"fmt"

	"weir/edge"
	"weir/proto/weirpb"
)

// countsView are counts in JSON.
type countsView struct {
	Calls            uint64 `json:"calls"`
	Evaluations      uint64 `json:"evaluations"`
	Matches          uint64 `json:"matches"`
	Failures         uint64 `json:"failures"`
	Refused          uint64 `json:"refused"`
	Suspensions      uint64 `json:"suspensions"`
	Compared         uint64 `json:"compared"`
	Differences      uint64 `json:"differences"`
	Rechecked        uint64 `json:"rechecked"`
	HistoryDependent uint64 `json:"history_dependent"`
	// Fuel of all calls; UpkeepFuel of new instances and larger buffers.
	Fuel       uint64 `json:"fuel"`
	UpkeepFuel uint64 `json:"upkeep_fuel"`
	// Unasked calls were refused since the tenant had no fuel left.
	Unasked uint64 `json:"unasked"`
	// Lines that were said by weir.log, those included that were not kept.
	Lines uint64 `json:"lines"`
}

func viewCounts(c *weirpb.FilterCounts) countsView {
	return countsView{
		Calls: c.GetCalls(), Evaluations: c.GetEvaluations(), Matches: c.GetMatches(), Failures: c.GetFailures(),
		Refused: c.GetRefused(), Suspensions: c.GetSuspensions(), Compared: c.GetCompared(), Differences: c.GetDifferences(),
		Rechecked: c.GetRechecked(), HistoryDependent: c.GetHistoryDependent(),
		Fuel: c.GetFuel(), UpkeepFuel: c.GetUpkeepFuel(), Unasked: c.GetUnasked(), Lines: c.GetLines(),
	}
}

func (c countsView) cells() []string {
	cells := make([]string, 0, 9)
	for _, n := range []uint64{c.Evaluations, c.Matches, c.Failures, c.Refused, c.Unasked, c.Fuel, c.Compared, c.Differences, c.Rechecked} {
		cells = append(cells, fmt.Sprint(n))
	}
	return cells
}

// statsView is what one version has done, in JSON.
type statsView struct {
	Filter        string `json:"filter"`
	Version       uint32 `json:"version"`
	SHA256        string `json:"sha256"`
	Role          string `json:"role"`
	CanaryPercent uint32 `json:"canary_percent,omitempty"`
	Paused        bool   `json:"paused,omitempty"`
	// CanaryFailed and Suspended say that this is so on an edge that is there.
	CanaryFailed bool `json:"canary_failed,omitempty"`
	Suspended    bool `json:"suspended,omitempty"`
	countsView
	Edges   []edgeStatsView   `json:"edges,omitempty"`
	Samples []edge.Difference `json:"samples"`
}

func viewStats(s *weirpb.FilterStats) statsView {
	f := viewFilter(s.GetFilter())
	view := statsView{
		Filter: f.Name, Version: f.Version, SHA256: f.SHA256, Role: f.Role, CanaryPercent: f.Canary, Paused: f.Paused,
		countsView: viewCounts(s.GetTotal()), Samples: []edge.Difference{},
	}
	for _, e := range s.GetEdges() {
		view.CanaryFailed = view.CanaryFailed || e.GetCanaryFailed() && !e.GetGone()
		view.Suspended = view.Suspended || e.GetSuspended() && !e.GetGone()
		view.Edges = append(view.Edges, viewEdgeStats(e))
	}
	for _, d := range s.GetSamples() {
		view.Samples = append(view.Samples, edge.Difference{
			Channel: d.GetChannel(), Epoch: d.GetEvent().GetEpoch(), Offset: d.GetEvent().GetOffset(), Group: d.GetGroup(),
			Live: d.GetLive(), LiveVersion: d.GetLiveVersion(), Shadow: d.GetShadow(),
		})
	}
	return view
}

// statsOfEdge is viewStats of what one edge answers itself.
func statsOfEdge(s edge.FilterStats) statsView {
	return statsView{
		Filter: s.Filter, Version: s.Version, SHA256: s.SHA256, Role: s.Role, CanaryPercent: s.CanaryPercent, Paused: s.Paused,
		CanaryFailed: s.CanaryFailed, Suspended: s.Suspended, Samples: s.Samples,
		countsView: countsView{
			Calls: s.Calls, Evaluations: s.Evaluations, Matches: s.Matches, Failures: s.Failures, Refused: s.Refused,
			Suspensions: s.Suspensions, Compared: s.Compared, Differences: s.Differences,
			Rechecked: s.Rechecked, HistoryDependent: s.HistoryDependent,
			Fuel: s.Fuel, UpkeepFuel: s.UpkeepFuel, Unasked: s.Unasked, Lines: s.Lines,
		},
	}
}

// use tells people what a version is used for and how it is.
func (s statsView) use() string {
	text := filterView{Role: s.Role, Canary: s.CanaryPercent, Paused: s.Paused, HistoryDependent: s.HistoryDependent > 0}.use()
	switch {
	case s.CanaryFailed:
		text += ", failed"
	case s.Suspended:
		text += ", suspended"
	}
	return text
}

// edgeCount tells people how many edges have used the version, of which so many are gone.
func (s statsView) edgeCount() string {
	gone := 0
	for _, e := range s.Edges {
		if e.Gone {
			gone++
		}
	}
	if gone > 0 {
		return fmt.Sprintf("%d, %d gone", len(s.Edges), gone)
	}
	return fmt.Sprint(len(s.Edges))
}

// edgeStatsView is what one version has done on one edge, in JSON.
type edgeStatsView struct {
	Instance     string `json:"instance,omitempty"`
	Host         string `json:"host,omitempty"`
	Reported     string `json:"reported,omitempty"`
	Gone         bool   `json:"gone,omitempty"`
	CanaryFailed bool   `json:"canary_failed,omitempty"`
	Suspended    bool   `json:"suspended,omitempty"`
	countsView
}

func viewEdgeStats(e *weirpb.EdgeFilterStats) edgeStatsView {
	view := edgeStatsView{
		Instance: e.GetInstance(), Host: e.GetHost(), Gone: e.GetGone(), CanaryFailed: e.GetCanaryFailed(),
		Suspended: e.GetSuspended(), countsView: viewCounts(e.GetCounts()),
	}
	if e.GetReportedMs() != 0 {
		view.Reported = timestamp(e.GetReportedMs())
	}
	return view
}

func (e edgeStatsView) name() string {
	if e.Instance == "" {
		return "edges gone long ago"
	}
	return fmt.Sprintf("%s (%.8s)", printable(e.Host), printable(e.Instance))
}

func (e edgeStatsView) state() string {
	switch {
	case e.Gone:
		return "gone"
	case e.CanaryFailed:
		return "failed"
	case e.Suspended:
		return "suspended"
	}
	return ""
}
