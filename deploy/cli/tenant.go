package cli

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"weir/proto/weirpb"
	"weir/proto/weirpb/weirpbconnect"
)

// tenantCommands is "weir tenant". They need an operator's key.
type tenantCommands struct {
	Create tenantCreate `cmd:"" help:"Create a tenant, with a namespace \"default\"."`
	List   tenantList   `cmd:"" help:"List tenants."`
	Limits tenantLimits `cmd:"" help:"Say what a tenant's filters may use, or change it."`
	Delete tenantDelete `cmd:"" help:"Delete a tenant with all its channels, keys and filters."`
}

func (tenantCommands) Help() string {
	return `Needs an operator's API key.

Examples:

    weir tenant create acme
    weir tenant list
    weir tenant limits acme --fuel-per-second 2G
    weir tenant delete acme --yes`
}

// tenantView is a tenant in JSON.
type tenantView struct {
	Name    string `json:"name"`
	Created string `json:"created"`
}

func viewTenant(t *weirpb.Tenant) tenantView {
	return tenantView{Name: t.GetName(), Created: timestamp(t.GetCreatedMs())}
}

type tenantCreate struct {
	Name string `arg:"" help:"1 to 63 of a-z, 0-9 and \"-\", beginning with a letter."`
	JSON bool   `help:"Print JSON."`
	apiTarget
}

func (tenantCreate) Help() string {
	return `Examples:

    weir tenant create acme
    weir tenant create acme --api https://hub.example.com:8444 --api-key "$(cat admin.key)"`
}

func (c *tenantCreate) Run(ctx context.Context, con *console) error {
	client, err := c.resolve()
	if err != nil {
		return err
	}
	tenant, err := client.tenants().CreateTenant(ctx, &weirpb.CreateTenantRequest{Name: c.Name})
	if err != nil {
		return client.explain(err)
	}
	if c.JSON {
		return con.printJSON(viewTenant(tenant))
	}
	_, err = fmt.Fprintf(con.out, "created tenant %s\n", tenant.GetName())
	return err
}

type tenantList struct {
	JSON bool `help:"Print a JSON object a line."`
	apiTarget
}

func (tenantList) Help() string {
	return `Examples:

    weir tenant list
    weir tenant list --json`
}

func (c *tenantList) Run(ctx context.Context, con *console) error {
	client, err := c.resolve()
	if err != nil {
		return err
	}
	response, err := client.tenants().ListTenants(ctx, &weirpb.ListTenantsRequest{})
	if err != nil {
		return client.explain(err)
	}
	list := listing{none: "no tenants", header: []string{"NAME", "CREATED"}}
	for _, tenant := range response.GetTenants() {
		view := viewTenant(tenant)
		list.add(view, view.Name, view.Created)
	}
	return list.print(con, c.JSON)
}

type tenantDelete struct {
	Name string `arg:"" help:"Tenant to delete."`
	Yes  bool   `short:"y" help:"Don't ask."`
	JSON bool   `help:"Print JSON."`
	apiTarget
}

func (tenantDelete) Help() string {
	return `Examples:

    weir tenant delete acme
    weir tenant delete acme --yes`
}

func (c *tenantDelete) Run(ctx context.Context, con *console) error {
	client, err := c.resolve()
	if err != nil {
		return err
	}
	if !c.Yes && con.outTerminal {
		if err := con.confirm(c.Name); err != nil {
			return err
		}
	}
	if _, err := client.tenants().DeleteTenant(ctx, &weirpb.DeleteTenantRequest{Name: c.Name}); err != nil {
		return client.explain(err)
	}
	if c.JSON {
		return con.printJSON(map[string]string{"deleted": c.Name})
	}
	_, err = fmt.Fprintf(con.out, "deleted tenant %s\n", c.Name)
	return err
}

// confirm has a person type the name of what is about to be lost.
func (c *console) confirm(name string) error {
	fmt.Fprintf(c.err, "This deletes all channels, keys and filters of %s, for good. Type its name to go on: ", name)
	line, err := bufio.NewReader(c.in).ReadString('\n')
	if err != nil || strings.TrimSpace(line) != name {
		return failf("", "nothing was deleted")
	}
	return nil
}

func (c *apiClient) tenants() weirpbconnect.TenantServiceClient {
	return weirpbconnect.NewTenantServiceClient(c.http, c.url)
}
