package report

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"weir/edge/internal/metrics"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeHub adds up what it is told.
type fakeHub struct {
	mu      sync.Mutex
	reports []*weirpb.EdgeReport
	calls   map[string]uint64 // of the one version, by instance
	err     error
}

func (h *fakeHub) ReportFilters(_ context.Context, r *weirpb.EdgeReport) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err != nil {
		return h.err
	}
	h.reports = append(h.reports, proto.CloneOf(r))
	for _, f := range r.GetFilters() {
		h.calls[r.GetInstance()] = f.GetCounts().GetCalls()
	}
	return nil
}

func (h *fakeHub) fail(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.err = err
}

func (h *fakeHub) sum() (sum uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, n := range h.calls {
		sum += n
	}
	return sum
}

type bench struct {
	*Reporter
	hub     *fakeHub
	mu      sync.Mutex
	filters []*weirpb.FilterReport
	log     bytes.Buffer
}

func (b *bench) set(filters ...*weirpb.FilterReport) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.filters = filters
}

func start(t *testing.T) *bench {
	t.Helper()
	m, err := metrics.New(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{hub: &fakeHub{calls: map[string]uint64{}}}
	b.Reporter = Start(Config{
		Hub: b.hub, Agent: "weir/test", Host: "edge-1", Logger: slog.New(slog.NewTextHandler(&b.log, nil)), Metrics: m,
		Collect: func() (all []*weirpb.FilterReport) {
			b.mu.Lock()
			defer b.mu.Unlock()
			for _, f := range b.filters {
				all = append(all, proto.CloneOf(f))
			}
			return all
		},
	})
	return b
}

func filter(name string, calls uint64) *weirpb.FilterReport {
	return &weirpb.FilterReport{Tenant: "acme", Name: name, Version: 1, Digest: make([]byte, 32), Counts: &weirpb.FilterCounts{Calls: calls}}
}

func TestOnlyChangesAreSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		b.set(filter("a", 1), filter("b", 1))
		time.Sleep(interval + time.Millisecond)
		b.set(filter("a", 1), filter("b", 2))
		time.Sleep(interval)
		time.Sleep(interval)
		b.Close()
		var said []string
		for _, r := range b.hub.reports {
			text := ""
			for _, f := range r.GetFilters() {
				text += fmt.Sprint(f.GetName(), f.GetCounts().GetCalls())
			}
			said = append(said, text)
		}
		if got := strings.Join(said, " "); got != "a1b1 b2  " { // a sign of life, and the farewell
			t.Errorf("said %q", got)
		}
	})
}

func TestTheLastCountsAreSaidAtTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		b.set(filter("a", 7))
		b.Close()
		if b.hub.sum() != 7 {
			t.Errorf("the hub knows of %d calls", b.hub.sum())
		}
	})
}

func TestNothingIsLostOrCountedTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		b.set(filter("a", 10))
		time.Sleep(interval + time.Millisecond)
		b.hub.fail(fault.New(fault.Unavailable, "away"))
		b.set(filter("a", 20))
		time.Sleep(2 * interval)
		b.hub.fail(fault.New(fault.AlreadyExists, "this instance was silent for too long"))
		time.Sleep(interval)
		b.hub.fail(nil)
		b.set(filter("a", 30))
		time.Sleep(interval)
		b.Close()
		if b.hub.sum() != 30 || len(b.hub.calls) != 2 {
			t.Errorf("the hub knows of %d calls of %d instances; want 30 of 2", b.hub.sum(), len(b.hub.calls))
		}
		if log := b.log.String(); strings.Count(log, "level=WARN") != 1 || strings.Count(log, "level=INFO") != 1 {
			t.Errorf("the log is %s", log)
		}
	})
}

func TestAHubThatKnowsNothingIsToldEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		b.set(filter("a", 10))
		time.Sleep(interval + time.Millisecond)
		b.hub.fail(fault.New(fault.NotFound, "not known"))
		time.Sleep(interval)
		b.hub.fail(nil)
		b.hub.reports = nil
		b.Close()
		if r := b.hub.reports[0]; !r.GetBegins() || len(r.GetFilters()) != 1 || b.hub.sum() != 10 {
			t.Errorf("the hub is told %v", r)
		}
	})
}

func TestSamplesAreSaidOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		f := filter("a", 1)
		f.Counts.Differences, f.Samples = 1, []*weirpb.FilterDifference{{Channel: "chat"}}
		b.set(f)
		time.Sleep(interval + time.Millisecond)
		g := proto.CloneOf(f)
		g.Counts.Calls = 2
		b.set(g)
		time.Sleep(interval)
		b.Close()
		if n := len(b.hub.reports[0].GetFilters()[0].GetSamples()); n != 1 {
			t.Errorf("%d samples are said first", n)
		}
		if n := len(b.hub.reports[1].GetFilters()[0].GetSamples()); n != 0 {
			t.Errorf("%d samples are said again", n)
		}
	})
}

func TestReportsFitIntoFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t)
		var many []*weirpb.FilterReport
		for i := range 1000 {
			f := filter(fmt.Sprint("filter-", i), 1)
			if i%10 == 0 {
				f.Counts.Differences = 20
				for range 20 {
					f.Samples = append(f.Samples, &weirpb.FilterDifference{Channel: strings.Repeat("c", 200), Group: "0123456789ab"})
				}
			}
			many = append(many, f)
		}
		b.set(many...)
		b.Close()
		said := 0
		for _, r := range b.hub.reports {
			if n := proto.Size(r); n > 16<<10 {
				t.Errorf("a report has %d bytes", n)
			}
			said += len(r.GetFilters())
		}
		if said != len(many) {
			t.Errorf("%d versions are said, want %d", said, len(many))
		}
	})
}
