// Package report tells the hub every few seconds what the filters of an edge have done, and what they say.
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
	"weir/proto/filtercounts"
	"weir/proto/weirpb"
)

const (
	// interval is how often the hub is told. What has not changed is not said again.
	interval = 5 * time.Second
	// lineInterval is how often it is told what filters say, if they do: somebody may be following them.
	lineInterval = time.Second
	// mostLines is how many lines are said at a time, some 80 KB: what is beyond waits, and is in the end pushed out by later ones.
	mostLines = 250
	// timeout bounds one report, and lastTimeout the one with which an edge takes its leave.
	timeout, lastTimeout = 4 * time.Second, 500 * time.Millisecond
	// reportBytes is about how long one report is at most: a frame of the hub link holds 16 KiB.
	reportBytes = 10 << 10
)

// A Hub takes reports. Its errors are or wrap *fault.Fault; not_found means that it does not know this instance or has missed a
// report of it, already_exists that it has closed its account.
type Hub interface {
	ReportFilters(ctx context.Context, r *weirpb.EdgeReport) error
}

// Lines are what filters say; *filterlog.Reader has them.
type Lines interface {
	// Next takes up to most lines that have not been taken yet.
	Next(most int) []*weirpb.FilterLine
	// Rewind has Next begin again with the oldest lines that are kept.
	Rewind()
}

// A Config says how to make a Reporter. All fields but Lines and Interval are required.
type Config struct {
	Hub Hub
	// Collect returns what each version has done since the edge began.
	Collect func() []*weirpb.FilterReport
	// Lines are used by the Reporter alone. Nil: there are none.
	Lines Lines
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
	number   uint64 // of the latest report
	begun    bool   // whether the hub has taken one since it was to be told everything
	failing  bool
	lines    []*weirpb.FilterLine             // to be said; at most mostLines
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
	every := cmp.Or(r.cfg.Interval, interval)
	counts, lines := time.NewTicker(every), time.NewTicker(min(every, lineInterval))
	defer counts.Stop()
	defer lines.Stop()
	for {
		select {
		case <-counts.C:
			r.report(timeout)
		case <-lines.C:
			if r.takeLines(); len(r.lines) > 0 {
				r.within(timeout, func(ctx context.Context) { r.say(ctx, nil) })
			}
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
		filtercounts.Add(total, r.base[v])
		r.base[v] = total
	}
	r.begun = false
	clear(r.said)
}

// beginAgain says everything once more: a node of the hub has not heard all of it, as it was restarted or could not be reached.
func (r *Reporter) beginAgain() {
	r.begun = false
	clear(r.said)
	r.lines = nil
	if r.cfg.Lines != nil {
		r.cfg.Lines.Rewind()
	}
}

// takeLines takes what filters have said, if the hub has taken what they had said before.
func (r *Reporter) takeLines() {
	if r.cfg.Lines != nil && len(r.lines) < mostLines {
		r.lines = append(r.lines, r.cfg.Lines.Next(mostLines-len(r.lines))...)
	}
}

func (r *Reporter) within(limit time.Duration, do func(ctx context.Context)) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), limit)
	defer cancel()
	do(ctx)
}

// report says what has changed; if nothing has, that the edge is there. Where a node wants to know everything it is told at once.
func (r *Reporter) report(limit time.Duration) {
	r.within(limit, func(ctx context.Context) {
		const attempts = 2
		for range attempts {
			changed := r.changed()
			r.takeLines()
			if fault.CodeOf(r.say(ctx, changed)) != fault.NotFound {
				return
			}
		}
	})
}

// say reports counts that have changed and lines that wait. What is not taken is said again next time.
func (r *Reporter) say(ctx context.Context, changed []*weirpb.FilterReport) error {
	for _, part := range cut(changed) {
		if len(part) == 0 && len(r.lines) > 0 {
			break // the lines are a sign of life
		}
		if err := r.send(ctx, &weirpb.EdgeReport{Filters: part}); err != nil {
			return err
		}
		for _, filter := range part {
			filter.Samples = nil
			r.said[versionOf(filter)] = filter
		}
	}
	for _, part := range cut(r.lines) {
		if len(part) == 0 {
			break
		}
		if err := r.send(ctx, &weirpb.EdgeReport{Lines: part}); err != nil {
			return err
		}
		r.lines = r.lines[len(part):]
	}
	return nil
}

// send sends one report.
func (r *Reporter) send(ctx context.Context, report *weirpb.EdgeReport) error {
	r.number++
	report.Instance, report.Agent, report.Host = r.instance, r.cfg.Agent, r.cfg.Host
	report.Begins, report.Number = !r.begun, r.number
	err := r.cfg.Hub.ReportFilters(ctx, report)
	r.note(err)
	switch fault.CodeOf(err) {
	case fault.NotFound:
		r.beginAgain()
	case fault.AlreadyExists:
		r.begin()
	}
	r.begun = r.begun || err == nil
	return err
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
		filtercounts.Subtract(now.Counts, r.base[v])
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

// cut cuts a list into pieces that fit into a frame each; there is at least one.
func cut[M proto.Message](all []M) [][]M {
	parts := [][]M{nil}
	size := 0
	for _, m := range all {
		n := proto.Size(m)
		if size > 0 && size+n > reportBytes {
			parts, size = append(parts, nil), 0
		}
		last := len(parts) - 1
		parts[last], size = append(parts[last], m), size+n
	}
	return parts
}
