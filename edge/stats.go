package edge

import (
	"encoding/hex"
	"strings"

	"weir/edge/internal/sieve"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

// FilterStats are what one version of a filter has done on this edge since it was opened here.
type FilterStats struct {
	Filter  string `json:"filter"`
	Version uint32 `json:"version"`
	// SHA256 of the module, in hexadecimal.
	SHA256 string `json:"sha256"`
	// Role is "live", "canary", "shadow", "pushed" or "superseded".
	Role          string `json:"role"`
	CanaryPercent uint32 `json:"canary_percent,omitempty"`
	Paused        bool   `json:"paused,omitempty"`
	// CanaryFailed says that the version is a canary that this edge does not try any longer.
	CanaryFailed bool `json:"canary_failed,omitempty"`

	Calls       uint64 `json:"calls"`
	Evaluations uint64 `json:"evaluations"` // decisions: one per event and distinct params
	Matches     uint64 `json:"matches"`     // decisions to let an event through
	Failures    uint64 `json:"failures"`    // calls that failed
	Refused     uint64 `json:"refused"`     // params of subscriptions that it did not take
	Suspensions uint64 `json:"suspensions"`
	Suspended   bool   `json:"suspended,omitempty"`

	// Unasked is how many calls were refused since the tenant had no fuel left.
	Unasked uint64 `json:"unasked"`
	// Fuel of all calls, and of new instances and larger buffers, which they need now and then.
	Fuel       uint64 `json:"fuel"`
	UpkeepFuel uint64 `json:"upkeep_fuel"`
	// Lines that it has said by weir.log, those included that were not kept.
	Lines uint64 `json:"lines"`

	// Rechecked calls were repeated on an instance that had never been called; HistoryDependent of them came out otherwise,
	// which none may.
	Rechecked        uint64 `json:"rechecked"`
	HistoryDependent uint64 `json:"history_dependent"`

	// Compared verdicts while the version was a shadow; those that differed, and the latest of these.
	Compared    uint64       `json:"compared"`
	Differences uint64       `json:"differences"`
	Samples     []Difference `json:"samples"`
}

// Check says why there is nothing to tell of a tenant, or of one of its filters unless filter is empty: there is none of this name.
// The fault is tenant_unknown or filter_unknown.
func (s *Server) Check(tenant, filter string) *fault.Fault {
	state := s.mirror.State()
	switch {
	case !state.HasTenant(tenant):
		return fault.New(fault.TenantUnknown, "this edge knows no tenant %.64q", tenant)
	case filter != "" && !state.HasFilter(tenant, filter):
		return fault.New(fault.FilterUnknown, "the tenant has no filter %.64q", filter).WithHint("weir filter list")
	}
	return nil
}

// FilterLogs returns what the filters of a tenant have said lately by weir.log on this edge, of one filter unless its name is
// empty, and how many lines each version has said in all.
func (s *Server) FilterLogs(tenant, filter string) *weirpb.GetFilterLogsResponse {
	response := &weirpb.GetFilterLogsResponse{Positions: s.said.Positions(tenant, filter)}
	for _, line := range s.said.Of(tenant, filter) {
		response.Lines = append(response.Lines, &weirpb.EdgeFilterLine{Host: s.name, Line: line})
	}
	return response
}

// A Difference is an event that a shadow judged otherwise than the version that decides.
type Difference = sieve.Difference

// FilterStats returns what the open versions of a tenant's filters have done, by name and version; of one filter unless its
// name is empty.
func (s *Server) FilterStats(tenant, filter string) []FilterStats {
	state := s.mirror.State()
	all := []FilterStats{}
	for _, open := range s.shelf.Open(tenant, filter) {
		v, f := state.FilterVersion(tenant, open.ID.Name, open.ID.Version)
		if f != nil {
			continue // gone with its tenant
		}
		counts := open.Counts()
		_, samples := open.Differences.Noted()
		all = append(all, FilterStats{
			Filter: v.GetName(), Version: v.GetVersion(), SHA256: hex.EncodeToString(v.GetDigest()), Role: roleOf(v), CanaryPercent: v.GetCanaryPercent(),
			Paused: v.GetPaused(), CanaryFailed: s.canary.Failed(v),
			Calls: counts.Calls, Evaluations: counts.Evaluations, Matches: counts.Matches, Failures: counts.Failures,
			Refused: counts.Refused, Suspensions: counts.Suspensions, Suspended: counts.Suspended,
			Unasked: counts.Unasked, Fuel: counts.Fuel, UpkeepFuel: counts.Upkeep, Lines: s.said.Said(open.ID),
			Rechecked: counts.Rechecked, HistoryDependent: counts.HistoryDependent,
			Compared: counts.Compared, Differences: counts.Differences, Samples: append([]Difference{}, samples...),
		})
	}
	return all
}

// filterReports returns what the versions of all tenants have done since the edge began.
func (s *Server) filterReports() []*weirpb.FilterReport {
	state := s.mirror.State()
	var all []*weirpb.FilterReport
	for _, t := range s.shelf.Tallies() {
		v, f := state.FilterVersion(t.ID.Tenant, t.ID.Name, t.ID.Version)
		if f != nil {
			continue // gone with its tenant
		}
		c := t.Counts
		r := &weirpb.FilterReport{
			Tenant: t.ID.Tenant, Name: t.ID.Name, Version: t.ID.Version, Digest: t.ID.Digest[:],
			Counts: &weirpb.FilterCounts{
				Calls: c.Calls, Evaluations: c.Evaluations, Matches: c.Matches, Failures: c.Failures, Refused: c.Refused,
				Suspensions: c.Suspensions, Compared: c.Compared, Differences: c.Differences,
				Rechecked: c.Rechecked, HistoryDependent: c.HistoryDependent,
				Fuel: c.Fuel, UpkeepFuel: c.Upkeep, Unasked: c.Unasked, Lines: s.said.Said(t.ID),
			},
			Suspended: c.Suspended, CanaryFailed: s.canary.Failed(v),
		}
		for _, d := range t.Samples {
			r.Samples = append(r.Samples, &weirpb.FilterDifference{
				Channel: d.Channel, Event: &weirpb.Cursor{Epoch: d.Epoch, Offset: d.Offset}, Group: d.Group,
				Live: d.Live, LiveVersion: d.LiveVersion, Shadow: d.Shadow,
			})
		}
		all = append(all, r)
	}
	return all
}

// roleOf names a version's role, that of a version stored before there were roles as well.
func roleOf(v *weirpb.FilterVersion) string {
	switch {
	case v.GetLive():
		return "live"
	case v.GetRole() == weirpb.FilterRole_FILTER_ROLE_UNSPECIFIED:
		return "superseded"
	}
	return strings.ToLower(strings.TrimPrefix(v.GetRole().String(), "FILTER_ROLE_"))
}
