package hubclient

import (
	"context"

	"weir/hub/internal/linkwire"
	"weir/proto/fault"
	"weir/proto/linkpb"
	"weir/proto/weirpb"
)

// ReportFilters tells the hub what filters have done on this edge: each node that is connected, for each answers questions
// about it on its own. A node that does not take reports, as it is older, is not sent one. One that asks for a report from
// the beginning decides for all.
func (c *Client) ReportFilters(ctx context.Context, r *weirpb.EdgeReport) error {
	if _, err := c.anyNode(ctx); err != nil {
		return err
	}
	refused := error(fault.New(fault.Unavailable, "the hub does not take reports of filters").WithHint("update the hub"))
	taken := false
	for _, s := range c.all() {
		if !s.reports {
			continue
		}
		err := ask(ctx, s, linkwire.Report, r, linkwire.End, linkwire.MaxRequest, func(*linkpb.End) error { return nil })
		switch {
		case fault.CodeOf(err) == fault.NotFound:
			return err
		case err != nil:
			refused = err
		default:
			taken = true
		}
	}
	if taken {
		return nil
	}
	return refused
}
