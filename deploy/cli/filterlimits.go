package cli

import (
	"context"

	"google.golang.org/protobuf/proto"

	"weir/proto/weirpb"
)

type filterLimits struct {
	Name string `arg:"" help:"Name of the filter."`
	limitFlags
	JSON bool `help:"Print JSON."`
	tenantFlag
	apiTarget
}

func (filterLimits) Help() string {
	return `Changes what one filter may use, in all its versions, and prints it; without flags only the latter. Where the tenant may use
less, that holds. Edges hold to it at once.

Examples:

    weir filter limits viewport
    weir filter limits viewport --fuel-per-call 20M --memory-pages 32
    weir filter limits viewport --fuel-per-call 0 --json`
}

func (c *filterLimits) Run(ctx context.Context, con *console) error {
	client, err := c.resolve()
	if err != nil {
		return err
	}
	tenant := c.or(client)
	response, err := client.filters().GetFilter(ctx, &weirpb.GetFilterRequest{Tenant: tenant, Name: c.Name, Version: 1})
	if err != nil {
		return client.explain(err)
	}
	limits := response.GetFilter().GetLimits() // the same for all versions
	if c.given() {
		wanted := &weirpb.FilterLimits{}
		if limits != nil {
			wanted = proto.CloneOf(limits)
		}
		c.apply(wanted)
		request := &weirpb.SetFilterLimitsRequest{Tenant: tenant, Name: c.Name, Limits: wanted}
		if limits, err = client.filters().SetFilterLimits(ctx, request); err != nil {
			return client.explain(err)
		}
	}
	view := viewLimits(limits, response.GetFilter().GetTenant(), c.Name)
	return view.print(con, c.JSON)
}
