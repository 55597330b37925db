package filterstats

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

type bench struct {
	*Ledger
	t     *testing.T
	log   bytes.Buffer
	clock time.Time
}

func newBench(t *testing.T) *bench {
	b := &bench{t: t, clock: time.UnixMilli(1_795_000_000_000)}
	b.Ledger = New(slog.New(slog.NewTextHandler(&b.log, nil)))
	b.now = func() time.Time { return b.clock }
	return b
}

func versionNo(n uint32) *weirpb.FilterVersion {
	return &weirpb.FilterVersion{Tenant: "acme", Name: "f", Version: n, Digest: []byte{byte(n)}}
}

func counted(n uint32, counts *weirpb.FilterCounts) *weirpb.FilterReport {
	v := versionNo(n)
	return &weirpb.FilterReport{Tenant: v.Tenant, Name: v.Name, Version: n, Digest: v.Digest, Counts: counts}
}

// report says that an edge has made so many calls of version 1.
func (b *bench) report(instance string, begins bool, calls uint64) error {
	return b.ReportFilters(b.t.Context(), &weirpb.EdgeReport{
		Instance: instance, Host: "host of " + instance, Begins: begins,
		Filters: []*weirpb.FilterReport{counted(1, &weirpb.FilterCounts{Calls: calls})},
	})
}

func (b *bench) mustReport(instance string, begins bool, calls uint64) {
	b.t.Helper()
	if err := b.report(instance, begins, calls); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) stats() *weirpb.FilterStats {
	b.t.Helper()
	all := b.Stats([]*weirpb.FilterVersion{versionNo(1), versionNo(9)})
	if len(all.GetFilters()) != 1 || all.GetSinceMs() == 0 {
		b.t.Fatalf("stats are %v", all)
	}
	return all.GetFilters()[0]
}

func TestSumOverEdges(t *testing.T) {
	b := newBench(t)
	b.mustReport("a", true, 10)
	b.mustReport("b", true, 5)
	b.mustReport("a", false, 12)
	b.mustReport("a", false, 12)
	s := b.stats()
	if s.GetTotal().GetCalls() != 17 || len(s.GetEdges()) != 2 || s.GetEdges()[0].GetHost() != "host of a" || s.GetEdges()[0].GetCounts().GetCalls() != 12 {
		t.Errorf("stats are %v", s)
	}
}

func TestGoneEdgesStayInTheSum(t *testing.T) {
	b := newBench(t)
	b.mustReport("a", true, 10)
	b.clock = b.clock.Add(2 * silentAfter)
	b.mustReport("b", true, 1)
	s := b.stats()
	if s.GetTotal().GetCalls() != 11 || !s.GetEdges()[0].GetGone() || s.GetEdges()[1].GetGone() {
		t.Errorf("stats are %v", s)
	}
	b.mustReport("a", false, 11)
	if s := b.stats(); s.GetTotal().GetCalls() != 12 || s.GetEdges()[0].GetGone() {
		t.Errorf("when it is back, stats are %v", s)
	}
}

func TestRowsAreBounded(t *testing.T) {
	b := newBench(t)
	b.most = 10
	const edges = 100
	for i := range edges {
		b.clock = b.clock.Add(time.Second)
		b.mustReport(fmt.Sprint("edge-", i), true, 1)
	}
	s := b.stats()
	folded := s.GetEdges()[len(s.GetEdges())-1]
	if len(s.GetEdges()) != 11 || s.GetTotal().GetCalls() != edges || folded.GetInstance() != "" || folded.GetCounts().GetCalls() != edges-10 || !folded.GetGone() {
		t.Errorf("%d rows, the last is %v, the sum %v", len(s.GetEdges()), folded, s.GetTotal())
	}
	if err := b.report("edge-0", true, 2); fault.CodeOf(err) != fault.AlreadyExists {
		t.Errorf("an edge whose account is closed: %v", err)
	}
}

func TestUnknownInstancesSayEverything(t *testing.T) {
	b := newBench(t)
	if err := b.report("a", false, 1); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("a report without beginning: %v", err)
	}
	for _, instance := range []string{"", strings.Repeat("x", 129)} {
		if err := b.report(instance, true, 1); fault.CodeOf(err) != fault.InvalidArgument {
			t.Errorf("an instance of %d bytes: %v", len(instance), err)
		}
	}
}

func TestSamplesOfAllEdgesAreKept(t *testing.T) {
	b := newBench(t)
	for i := range uint64(3) {
		for _, edge := range []string{"a", "b"} {
			r := counted(1, &weirpb.FilterCounts{Differences: 10 * (i + 1)})
			for j := range 10 {
				r.Samples = append(r.Samples, &weirpb.FilterDifference{Channel: fmt.Sprintf("%s:%d-%d", edge, i, j)})
			}
			if err := b.ReportFilters(t.Context(), &weirpb.EdgeReport{Instance: edge, Begins: i == 0, Filters: []*weirpb.FilterReport{r}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	samples := b.stats().GetSamples()
	if len(samples) != maxSamples || samples[0].GetChannel() != "a:2-0" || samples[maxSamples-1].GetChannel() != "b:2-9" {
		t.Errorf("%d samples are kept, %v", len(samples), samples)
	}
}

func TestHistoryIsLoggedOnce(t *testing.T) {
	b := newBench(t)
	for i := range uint64(3) {
		r := &weirpb.EdgeReport{Instance: "a", Begins: i == 0, Filters: []*weirpb.FilterReport{counted(1, &weirpb.FilterCounts{HistoryDependent: i})}}
		if err := b.ReportFilters(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if log := b.log.String(); strings.Count(log, "level=ERROR") != 1 {
		t.Errorf("the log is %s", log)
	}
}
