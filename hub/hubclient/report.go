package hubclient

import (
	"context"
	"sync"
	"time"

	"weir/hub/internal/linkwire"
	"weir/proto/fault"
	"weir/proto/linkpb"
	"weir/proto/weirpb"
)

// laggards is how long nodes may take to answer a report once one of them has taken it. One that hangs must not keep the edge's
// next reports from the others; it notices that it has missed one.
const laggards = 500 * time.Millisecond

// ReportFilters tells the hub what filters have done on this edge: each node that is connected, all at once, for each answers
// questions about it on its own. A node that does not take reports, as it is older, is not sent one. The fault not_found
// of any of them decides for all; otherwise it is enough that one has taken the report.
func (c *Client) ReportFilters(ctx context.Context, r *weirpb.EdgeReport) error {
	if _, err := c.anyNode(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var asking sync.WaitGroup
	outcomes := reportOutcomes{err: fault.New(fault.Unavailable, "the hub does not take reports of filters").WithHint("update the hub")}
	for _, s := range c.all() {
		if !s.reports {
			continue
		}
		asking.Go(func() {
			if outcomes.add(ask(ctx, s, linkwire.Report, r, linkwire.End, linkwire.MaxRequest, func(*linkpb.End) error { return nil })) {
				time.AfterFunc(laggards, cancel)
			}
		})
	}
	asking.Wait()
	return outcomes.err
}

// reportOutcomes are what nodes have said to one report.
type reportOutcomes struct {
	mu    sync.Mutex
	taken bool  // guarded by mu
	err   error // of all; guarded by mu until all have answered
}

// add adds a node's answer, and reports whether it is the first that has taken the report.
func (o *reportOutcomes) add(err error) (first bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case fault.CodeOf(o.err) == fault.NotFound:
	case fault.CodeOf(err) == fault.NotFound:
		o.err = err
	case err == nil:
		o.err = nil
	case o.err != nil:
		o.err = err
	}
	first = err == nil && !o.taken
	o.taken = o.taken || err == nil
	return first
}
