package hubclient

import (
	"context"

	"weir/hub/internal/linkwire"
	"weir/proto/fault"
	"weir/proto/linkpb"
	"weir/proto/weirpb"
)

// ReportFilters tells the hub what filters have done on this edge. A hub that does not take reports, as it is older, is not
// sent one.
func (c *Client) ReportFilters(ctx context.Context, r *weirpb.EdgeReport) error {
	s, err := c.connection(ctx)
	if err != nil {
		return err
	}
	if !s.reports {
		return fault.New(fault.Unavailable, "the hub does not take reports of filters").WithHint("update the hub")
	}
	return ask(ctx, c, linkwire.Report, r, linkwire.End, linkwire.MaxRequest, func(*linkpb.End) error { return nil })
}
