package cli

import (
	"context"

	"google.golang.org/protobuf/proto"

	"weir/proto/weirpb"
)

type tenantLimits struct {
	Name          string      `arg:"" help:"Tenant."`
	FuelPerSecond *fuelAmount `help:"Fuel a second of all filters together, on each edge. 0: the edge's default, 4G." placeholder:"FUEL"`
	limitFlags
	JSON bool `help:"Print JSON."`
	apiTarget
}

func (tenantLimits) Help() string {
	return `Changes what the tenant's filters may use, and prints it; without flags only the latter. Edges hold to it at once. Fuel counts
instructions: a unit takes some 0.15 ns, so 4G a second are about half a processor. An edge's own configuration bounds
what a tenant can be given there.

Examples:

    weir tenant limits acme
    weir tenant limits acme --fuel-per-second 2G --fuel-per-call 100M
    weir tenant limits acme --fuel-per-second 0 --json`
}

func (c *tenantLimits) Run(ctx context.Context, con *console) error {
	client, err := c.resolve()
	if err != nil {
		return err
	}
	limits, err := client.tenantLimits(ctx, c.Name)
	if err != nil {
		return client.explain(err)
	}
	if c.given() || c.FuelPerSecond != nil {
		c.apply(limits)
		if c.FuelPerSecond != nil {
			limits.FuelPerSecond = uint64(*c.FuelPerSecond)
		}
		changed, err := client.tenants().SetTenantLimits(ctx, &weirpb.SetTenantLimitsRequest{Name: c.Name, Limits: limits})
		if err != nil {
			return client.explain(err)
		}
		limits = changed.GetFilterLimits()
	}
	view := viewLimits(limits, c.Name, "")
	return view.print(con, c.JSON)
}

// tenantLimits returns a tenant's limits, to be changed.
func (c *apiClient) tenantLimits(ctx context.Context, tenant string) (*weirpb.FilterLimits, error) {
	response, err := c.tenants().ListTenants(ctx, &weirpb.ListTenantsRequest{})
	if err != nil {
		return nil, err
	}
	for _, t := range response.GetTenants() {
		if t.GetName() == tenant && t.GetFilterLimits() != nil {
			return proto.CloneOf(t.GetFilterLimits()), nil
		}
		if t.GetName() == tenant {
			return &weirpb.FilterLimits{}, nil
		}
	}
	return nil, failf("weir tenant list", "there is no tenant %q", tenant)
}
