// Package report tells the hub every few seconds what the filters of an edge have done.
package report

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"weir/edge/internal/metrics"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

const (
	// interval is how often the hub is told. What has not changed is not said again.
	interval = 5 * time.Second
	// timeout bounds one report, and lastTimeout the one with which an edge takes its leave.
	timeout, lastTimeout = 4 * time.Second, 500 * time.Millisecond
	// reportBytes is about how long one report is at most: a frame of the hub link holds 16 KiB.
	reportBytes = 10 << 10
)

// A Hub takes reports. Its errors are or wrap *fault.Fault; not_found means that it does not know this instance, already_exists that
// it has closed its account.
type Hub interface {
	ReportFilters(ctx context.Context, r *weirpb.EdgeReport) error
}

// A Config says how to make a Reporter. All fields but Interval are required.
type Config struct {
	Hub Hub
	// Collect returns what each version has done since the edge began.
	Collect func() []*weirpb.FilterReport
	// Agent and Host name the edge to operators.
	Agent, Host string
	Logger      *slog.Logger
	Metrics     *metrics.Metrics
	// Interval is how often to report. 0: 5 seconds.
	Interval time.Duration
}

// A Reporter reports until Close. Counts are absolute, so that a report that is lost or comes twice changes nothing.
type Reporter struct {
	cfg    Config
	ctx    context.Context
	cancel context.CancelFunc
	task   sync.WaitGroup

	// Owned by the task.
	instance string
	failing  bool
	said     map[version]*weirpb.FilterReport // what the hub has taken
	base     map[version]*weirpb.FilterCounts // what another instance of this edge had said
}

type version struct {
	tenant, name string
	number       uint32
	digest       string
}

func versionOf(r *weirpb.FilterReport) version {
	return version{r.GetTenant(), r.GetName(), r.GetVersion(), string(r.GetDigest())}
}

// Start returns a Reporter.
func Start(cfg Config) *Reporter {
	r := &Reporter{cfg: cfg, said: map[version]*weirpb.FilterReport{}, base: map[version]*weirpb.FilterCounts{}}
	r.begin()
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.task.Go(r.run)
	return r
}

// Close reports once more and ends the Reporter.
func (r *Reporter) Close() {
	r.cancel()
	r.task.Wait()
}

func (r *Reporter) run() {
	ticker := time.NewTicker(cmp.Or(r.cfg.Interval, interval))
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			r.report(timeout)
		case <-r.ctx.Done():
			r.report(lastTimeout)
			return
		}
	}
}

// begin makes this edge another instance to the hub: what has been said so far is said, and what comes counts from there.
func (r *Reporter) begin() {
	var id [16]byte
	rand.Read(id[:])
	r.instance = hex.EncodeToString(id[:])
	for v, report := range r.said {
		total := proto.CloneOf(report.GetCounts())
		plus(total, r.base[v])
		r.base[v] = total
	}
	clear(r.said)
}

// report says what has changed; if nothing has, that the edge is there.
func (r *Reporter) report(within time.Duration) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), within)
	defer cancel()
	for _, part := range r.parts(r.changed()) {
		err := r.cfg.Hub.ReportFilters(ctx, &weirpb.EdgeReport{
			Instance: r.instance, Agent: r.cfg.Agent, Host: r.cfg.Host, Filters: part, Begins: len(r.said) == 0,
		})
		r.note(err)
		switch fault.CodeOf(err) {
		case fault.NotFound: // another hub, or one that was restarted
			clear(r.said)
		case fault.AlreadyExists:
			r.begin()
		}
		if err != nil {
			return // it is said again next time
		}
		for _, filter := range part {
			filter.Samples = nil
			r.said[versionOf(filter)] = filter
		}
	}
}

// note logs when reports begin to fail, and when they are taken again.
func (r *Reporter) note(err error) {
	result := "taken"
	if err != nil {
		result = string(fault.CodeOf(err))
	}
	r.cfg.Metrics.FilterReports.WithLabelValues(result).Inc()
	if failing := err != nil; failing != r.failing {
		r.failing = failing
		if failing {
			r.cfg.Logger.Warn("the hub does not take reports of filters: \"weir filter stats\" lacks this edge's", "err", err)
		} else {
			r.cfg.Logger.Info("the hub takes reports of filters")
		}
	}
}

// changed returns what the hub does not know yet.
func (r *Reporter) changed() []*weirpb.FilterReport {
	var changed []*weirpb.FilterReport
	known := make(map[version]bool)
	for _, now := range r.cfg.Collect() {
		v := versionOf(now)
		known[v] = true
		minus(now.Counts, r.base[v])
		if now.GetCounts().GetDifferences() == r.said[v].GetCounts().GetDifferences() {
			now.Samples = nil // the hub has them
		}
		if !proto.Equal(now, r.said[v]) {
			changed = append(changed, now)
		}
	}
	for v := range r.said {
		if !known[v] {
			delete(r.said, v) // gone with its tenant
		}
	}
	for v := range r.base {
		if !known[v] {
			delete(r.base, v)
		}
	}
	return changed
}

// parts cuts reports into pieces that fit into a frame each; there is at least one.
func (r *Reporter) parts(all []*weirpb.FilterReport) [][]*weirpb.FilterReport {
	parts := [][]*weirpb.FilterReport{nil}
	size := 0
	for _, report := range all {
		n := proto.Size(report)
		if size > 0 && size+n > reportBytes {
			parts, size = append(parts, nil), 0
		}
		last := len(parts) - 1
		parts[last], size = append(parts[last], report), size+n
	}
	return parts
}

// plus adds b to a.
func plus(a, b *weirpb.FilterCounts) {
	combine(a, b, func(x, y uint64) uint64 { return x + y })
}

// minus takes b from a.
func minus(a, b *weirpb.FilterCounts) {
	combine(a, b, func(x, y uint64) uint64 { return x - min(x, y) })
}

func combine(a, b *weirpb.FilterCounts, f func(x, y uint64) uint64) {
	a.Calls = f(a.Calls, b.GetCalls())
	a.Evaluations = f(a.Evaluations, b.GetEvaluations())
	a.Matches = f(a.Matches, b.GetMatches())
	a.Failures = f(a.Failures, b.GetFailures())
	a.Refused = f(a.Refused, b.GetRefused())
	a.Suspensions = f(a.Suspensions, b.GetSuspensions())
	a.Compared = f(a.Compared, b.GetCompared())
	a.Differences = f(a.Differences, b.GetDifferences())
	a.Rechecked = f(a.Rechecked, b.GetRechecked())
	a.HistoryDependent = f(a.HistoryDependent, b.GetHistoryDependent())
}
