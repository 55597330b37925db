package cli

import (
	"context"

	"weir/proto/weirpb"
)

type filterRollback struct {
	Name string `arg:"" help:"Name of the filter."`
	roleCommand
}

func (filterRollback) Help() string {
	return `Makes the version live again that was live before the present one; once more, the one before that.

Examples:

    weir filter rollback viewport
    weir filter rollback viewport --json`
}

func (c *filterRollback) Run(ctx context.Context, con *console) error {
	client, err := c.resolve()
	if err != nil {
		return err
	}
	version, err := client.filters().RollbackFilter(ctx, &weirpb.RollbackFilterRequest{Tenant: c.or(client), Name: c.Name})
	if err != nil {
		return client.explain(err)
	}
	return c.print(con, version)
}
