package cli

import (
	"context"
	"fmt"

	"weir/proto/weirpb"
	"weir/proto/weirpb/weirpbconnect"
)

// keyCommands is "weir key".
type keyCommands struct {
	Create  keyCreate          `cmd:"" help:"Create an API key."`
	List    keyList            `cmd:"" help:"List API keys."`
	Revoke  keyRevoke          `cmd:"" help:"Revoke an API key."`
	Signing signingKeyCommands `cmd:"" help:"Manage the keys that sign users' tokens."`
}

func (keyCommands) Help() string {
	return `An API key lets a backend publish, read and manage a tenant. A signing key lets a backend mint tokens for users.

Examples:

    weir key create --description "billing backend"
    weir key list
    weir key revoke 3f9c
    weir key signing create > signing.jwk`
}

// apiKeyView is an API key in JSON.
type apiKeyView struct {
	ID          string `json:"id"`
	Tenant      string `json:"tenant"` // empty: an operator's
	Description string `json:"description"`
	Created     string `json:"created"`
	Secret      string `json:"secret,omitempty"`
}

func viewAPIKey(k *weirpb.ApiKey) apiKeyView {
	return apiKeyView{
		ID: k.GetId(), Tenant: k.GetTenant(), Description: k.GetDescription(), Created: timestamp(k.GetCreatedMs()),
	}
}

// keyOwner names whose API keys are meant.
type keyOwner struct {
	tenantFlag
	Operator bool `help:"Operators' keys, which act on all tenants." xor:"owner"`
}

func (o keyOwner) tenant(client *apiClient) string {
	if o.Operator {
		return ""
	}
	return o.or(client)
}

type keyCreate struct {
	Description string `short:"d" help:"What the key is for." placeholder:"TEXT"`
	JSON        bool   `help:"Print JSON."`
	keyOwner
	apiTarget
}

func (keyCreate) Help() string {
	return `Examples:

    weir key create --description "billing backend"
    weir key create --tenant acme --json
    weir key create --operator --description "deployments"`
}

func (c *keyCreate) Run(ctx context.Context, con *console) error {
	client, err := c.resolve()
	if err != nil {
		return err
	}
	response, err := client.keys().CreateApiKey(ctx, &weirpb.CreateApiKeyRequest{
		Tenant: c.tenant(client), Description: c.Description,
	})
	if err != nil {
		return client.explain(err)
	}
	if c.JSON {
		view := viewAPIKey(response.GetApiKey())
		view.Secret = response.GetSecret()
		return con.printJSON(view)
	}
	fmt.Fprintf(con.err, "created API key %s; it is shown only now:\n", response.GetApiKey().GetId())
	_, err = fmt.Fprintln(con.out, response.GetSecret())
	return err
}

type keyList struct {
	JSON bool `help:"Print a JSON object a line."`
	keyOwner
	apiTarget
}

func (keyList) Help() string {
	return `Examples:

    weir key list
    weir key list --operator --json`
}

func (c *keyList) Run(ctx context.Context, con *console) error {
	client, err := c.resolve()
	if err != nil {
		return err
	}
	response, err := client.keys().ListApiKeys(ctx, &weirpb.ListApiKeysRequest{Tenant: c.tenant(client)})
	if err != nil {
		return client.explain(err)
	}
	list := listing{none: "no API keys", header: []string{"ID", "TENANT", "CREATED", "DESCRIPTION"}}
	for _, key := range response.GetApiKeys() {
		view := viewAPIKey(key)
		list.add(view, view.ID, firstNonEmpty(view.Tenant, "(operator)"), view.Created, printable(view.Description))
	}
	return list.print(con, c.JSON)
}

type keyRevoke struct {
	ID   string `arg:"" name:"id" help:"ID of the API key."`
	JSON bool   `help:"Print JSON."`
	keyOwner
	apiTarget
}

func (keyRevoke) Help() string {
	return `Examples:

    weir key revoke 3f9c
    weir key revoke 3f9c --operator`
}

func (c *keyRevoke) Run(ctx context.Context, con *console) error {
	client, err := c.resolve()
	if err != nil {
		return err
	}
	_, err = client.keys().RevokeApiKey(ctx, &weirpb.RevokeApiKeyRequest{Tenant: c.tenant(client), Id: c.ID})
	if err != nil {
		return client.explain(err)
	}
	return con.printRevoked("API key", c.ID, c.JSON)
}

func (c *console) printRevoked(what, id string, asJSON bool) error {
	if asJSON {
		return c.printJSON(map[string]string{"revoked": id})
	}
	_, err := fmt.Fprintf(c.out, "revoked %s %s\n", what, id)
	return err
}

func (c *apiClient) keys() weirpbconnect.KeyServiceClient {
	return weirpbconnect.NewKeyServiceClient(c.http, c.url)
}
