// Package filterstats adds up what the edges of a region report of the filters that they run: one sum per version, and a row
// for each edge.
package filterstats

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"weir/filters/tenantlog"
	"weir/proto/fault"
	"weir/proto/filtercounts"
	"weir/proto/weirpb"
)

const (
	// silentAfter is how long after its last report an edge counts as gone: several times the interval of reports.
	silentAfter = 20 * time.Second
	// maxRows bounds the rows of all edges together, some 300 bytes each.
	maxRows = 100_000
	// maxFolded is how many instances are remembered whose rows were added up: their later reports would count twice.
	maxFolded = 10_000
	// maxSamples is how many differences are kept of one version.
	maxSamples = 20
	// maxText bounds what an edge says of itself, in bytes.
	maxText = 128
)

// Bounds of the lines that are kept: of a tenant, and of all tenants, some 400 bytes each.
const maxTenantLines, maxLines = 1_000, 20_000

// A Ledger keeps the latest report of each edge, in memory: an edge that is connected reports all that it has counted since
// it began, so after a restart of the hub only what edges that are gone had counted is missing. It is safe for concurrent
// use.
type Ledger struct {
	log   *slog.Logger
	now   func() time.Time
	since time.Time
	most  int // rows

	mu       sync.Mutex
	edges    map[string]*edge     // by instance
	versions map[version]*tally   // what has been counted
	rows     int                  // of all edges
	folded   map[string]time.Time // instances whose rows were added up, and when
	lines    *tenantlog.Log[heard]
}

// A version is a module under a name: another tenant of the same name, made anew, has other modules or the same ones.
type version struct {
	tenant, name string
	number       uint32
	digest       string
}

func versionOf(tenant, name string, number uint32, digest []byte) version {
	return version{tenant, name, number, string(digest)}
}

// An edge is one instance that has reported.
type edge struct {
	instance, host string
	reported       time.Time
	number         uint64 // of the latest report
	rows           map[version]*weirpb.FilterReport
}

// A tally is what outlives the rows of a version.
type tally struct {
	rows    int                  // of edges
	folded  *weirpb.FilterCounts // of edges whose rows are gone; nil: none
	samples []*weirpb.FilterDifference
}

// New returns an empty Ledger. log receives what is unusual; nil is slog.Default().
func New(log *slog.Logger) *Ledger {
	if log == nil {
		log = slog.Default()
	}
	return &Ledger{
		log: log, now: time.Now, since: time.Now(), most: maxRows,
		edges: map[string]*edge{}, versions: map[version]*tally{}, folded: map[string]time.Time{},
		lines: tenantlog.New[heard](maxTenantLines, maxLines),
	}
}

// ReportFilters takes an edge's report, which it keeps. The fault not_found says that the instance is not known, or that a report
// of it has been missed, so that it has to say everything; already_exists, that it has been silent for so long that its counts were added up: the edge goes on as
// another instance, which counts from there.
func (l *Ledger) ReportFilters(_ context.Context, r *weirpb.EdgeReport) error {
	if id := r.GetInstance(); id == "" || len(id) > maxText || len(r.GetHost()) > maxText {
		return fault.New(fault.InvalidArgument, "the report does not name its edge in 1 to %d bytes", maxText)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, folded := l.folded[r.GetInstance()]; folded {
		return fault.New(fault.AlreadyExists, "this instance of the edge was silent for too long").WithHint("report as another one")
	}
	e := l.edges[r.GetInstance()]
	switch n := r.GetNumber(); {
	case r.GetBegins():
	case e == nil:
		return fault.New(fault.NotFound, "this instance of the edge is not known").WithHint("report everything")
	case n > e.number+1:
		return fault.New(fault.NotFound, "report %d of this instance of the edge was missed", e.number+1).WithHint("report everything")
	}
	if e == nil {
		e = &edge{instance: r.GetInstance(), rows: map[version]*weirpb.FilterReport{}}
		l.edges[e.instance] = e
	}
	e.host, e.reported, e.number = r.GetHost(), l.now(), max(r.GetNumber(), e.number)
	for _, line := range r.GetLines() {
		l.addLine(e, line)
	}
	for _, report := range r.GetFilters() {
		l.put(e, report)
	}
	for l.rows > l.most {
		if !l.foldOldest(e) {
			return nil
		}
	}
	return nil
}

// put replaces what an edge has said of a version. mu is held.
func (l *Ledger) put(e *edge, r *weirpb.FilterReport) {
	v := versionOf(r.GetTenant(), r.GetName(), r.GetVersion(), r.GetDigest())
	before := e.rows[v]
	t := l.versions[v]
	if t == nil {
		l.makeRoom()
		t = &tally{}
		l.versions[v] = t
	}
	if before == nil {
		l.rows++
		t.rows++
	}
	if fresh := r.GetCounts().GetDifferences() - before.GetCounts().GetDifferences(); fresh > 0 {
		latest := r.GetSamples()[max(0, len(r.GetSamples())-int(min(fresh, maxSamples))):]
		t.samples = append(t.samples, latest...)
		t.samples = slices.Clone(t.samples[max(0, len(t.samples)-maxSamples):])
	}
	if caught := r.GetCounts().GetHistoryDependent() > 0; caught && before.GetCounts().GetHistoryDependent() == 0 {
		l.log.Error("an edge has found that a filter depends on history", "tenant", v.tenant, "filter", v.name, "version", v.number, "edge", e.host)
	}
	row := proto.CloneOf(r)
	row.Samples = nil
	e.rows[v] = row
}

// foldOldest adds up and forgets the rows of the edge that has been silent for longest, which is not except. False: there is
// no other. mu is held.
func (l *Ledger) foldOldest(except *edge) bool {
	var oldest *edge
	for _, e := range l.edges {
		if e != except && (oldest == nil || e.reported.Before(oldest.reported)) {
			oldest = e
		}
	}
	if oldest == nil {
		return false
	}
	for v, row := range oldest.rows {
		t := l.versions[v]
		if t.folded == nil {
			t.folded = &weirpb.FilterCounts{}
		}
		filtercounts.Add(t.folded, row.GetCounts())
		l.rows--
		t.rows--
	}
	delete(l.edges, oldest.instance)
	if len(l.folded) >= maxFolded {
		l.forgetFolded()
	}
	l.folded[oldest.instance] = l.now()
	return true
}

// makeRoom forgets a version that no edge has a row of, if there are as many versions as there may be rows. mu is held.
func (l *Ledger) makeRoom() {
	if len(l.versions) < l.most {
		return
	}
	for v, t := range l.versions {
		if t.rows == 0 {
			delete(l.versions, v)
			return
		}
	}
}

// forgetFolded forgets the instance that was folded first. mu is held.
func (l *Ledger) forgetFolded() {
	first := ""
	for id, at := range l.folded {
		if first == "" || at.Before(l.folded[first]) {
			first = id
		}
	}
	delete(l.folded, first)
}

// Stats returns what versions have done, in their order; those that no edge has used are left out.
func (l *Ledger) Stats(versions []*weirpb.FilterVersion) *weirpb.GetFilterStatsResponse {
	l.mu.Lock()
	defer l.mu.Unlock()
	response := &weirpb.GetFilterStatsResponse{SinceMs: l.since.UnixMilli()}
	for _, v := range versions {
		if s := l.statsOf(v); s != nil {
			response.Filters = append(response.Filters, s)
		}
	}
	return response
}

// statsOf returns what a version has done, nil if nobody has used it. mu is held.
func (l *Ledger) statsOf(v *weirpb.FilterVersion) *weirpb.FilterStats {
	id := versionOf(v.GetTenant(), v.GetName(), v.GetVersion(), v.GetDigest())
	t := l.versions[id]
	if t == nil {
		return nil
	}
	s := &weirpb.FilterStats{Filter: v, Total: &weirpb.FilterCounts{}, Samples: slices.Clone(t.samples)}
	for _, e := range l.edges {
		row := e.rows[id]
		if row == nil {
			continue
		}
		filtercounts.Add(s.Total, row.GetCounts())
		s.Edges = append(s.Edges, &weirpb.EdgeFilterStats{
			Instance: e.instance, Host: e.host, Counts: row.GetCounts(), ReportedMs: e.reported.UnixMilli(),
			Gone: l.now().Sub(e.reported) > silentAfter, Suspended: row.GetSuspended(), CanaryFailed: row.GetCanaryFailed(),
		})
	}
	sortEdges(s.Edges)
	if t.folded != nil {
		filtercounts.Add(s.Total, t.folded)
		s.Edges = append(s.Edges, &weirpb.EdgeFilterStats{Counts: proto.CloneOf(t.folded), Gone: true})
	}
	return s
}

// sortEdges puts edges in the order of their hosts.
func sortEdges(edges []*weirpb.EdgeFilterStats) {
	slices.SortFunc(edges, func(a, b *weirpb.EdgeFilterStats) int {
		return cmp.Or(cmp.Compare(a.GetHost(), b.GetHost()), cmp.Compare(a.GetInstance(), b.GetInstance()))
	})
}
