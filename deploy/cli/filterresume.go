package cli

import (
	"context"

	"weir/proto/weirpb"
)

type filterResume struct {
	Filter string `arg:"" help:"Filter; without a version its live one." placeholder:"NAME[@VERSION]"`
	roleCommand
}

func (filterResume) Help() string {
	return `Views of state channels are made exact again.

Examples:

    weir filter resume viewport
    weir filter resume viewport@3`
}

func (c *filterResume) Run(ctx context.Context, con *console) error {
	return c.change(ctx, con, c.Filter, func(client *apiClient, tenant, name string, version uint32) (*weirpb.FilterVersion, error) {
		return client.filters().ResumeFilter(ctx, &weirpb.ResumeFilterRequest{Tenant: tenant, Name: name, Version: version})
	})
}
