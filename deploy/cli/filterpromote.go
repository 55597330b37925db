package cli

import (
	"context"

	"weir/proto/weirpb"
)

type filterPromote struct {
	Filter string `arg:"" help:"Filter; without a version its canary, or if there is none its shadow." placeholder:"NAME[@VERSION]"`
	roleCommand
}

func (filterPromote) Help() string {
	return `Open subscriptions that name no version move to it, without losing an event or getting one twice.

Examples:

    weir filter promote viewport
    weir filter promote viewport@3`
}

func (c *filterPromote) Run(ctx context.Context, con *console) error {
	return c.change(ctx, con, c.Filter, func(client *apiClient, tenant, name string, version uint32) (*weirpb.FilterVersion, error) {
		return client.filters().PromoteFilter(ctx, &weirpb.PromoteFilterRequest{Tenant: tenant, Name: name, Version: version})
	})
}
