package cli

import (
	"context"

	"weir/proto/weirpb"
)

type filterPause struct {
	Filter string `arg:"" help:"Filter; without a version its live one." placeholder:"NAME[@VERSION]"`
	roleCommand
}

func (filterPause) Help() string {
	return `While a version is paused, the failure policy of each namespace decides where it would be asked: closed holds events
back, open lets them through, last-good asks the version that was live before.

Examples:

    weir filter pause viewport
    weir filter pause viewport@3`
}

func (c *filterPause) Run(ctx context.Context, con *console) error {
	return c.change(ctx, con, c.Filter, func(client *apiClient, tenant, name string, version uint32) (*weirpb.FilterVersion, error) {
		return client.filters().PauseFilter(ctx, &weirpb.PauseFilterRequest{Tenant: tenant, Name: name, Version: version})
	})
}
