package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"weir/proto/weirpb"
)

// signingKeyCommands is "weir key signing".
type signingKeyCommands struct {
	Create signingKeyCreate `cmd:"" help:"Make or register a signing key."`
	List   signingKeyList   `cmd:"" help:"List signing keys."`
	Revoke signingKeyRevoke `cmd:"" help:"Revoke a signing key: its tokens are refused from then on."`
}

func (signingKeyCommands) Help() string {
	return `Examples:

    weir key signing create --out signing.jwk
    weir key signing create --algorithm ES256 --public-key public.pem
    weir key signing list
    weir key signing revoke 7c2e`
}

// signingKeyView is a signing key in JSON.
type signingKeyView struct {
	ID         string          `json:"id"`
	Tenant     string          `json:"tenant"`
	Algorithm  string          `json:"algorithm"`
	Created    string          `json:"created"`
	PrivateJWK json.RawMessage `json:"private_jwk,omitempty"`
}

func viewSigningKey(k *weirpb.SigningKey) signingKeyView {
	return signingKeyView{
		ID: k.GetId(), Tenant: k.GetTenant(), Algorithm: k.GetAlgorithm(), Created: timestamp(k.GetCreatedMs()),
	}
}

type signingKeyCreate struct {
	Algorithm string `help:"EdDSA, ES256 or HS256." enum:"EdDSA,ES256,HS256" default:"EdDSA"`
	PublicKey string `help:"Register this public key (PEM or DER) instead of making a pair." type:"existingfile" placeholder:"FILE"`
	Out       string `short:"o" help:"Write the private key to this new file, readable by you alone, instead of standard output." type:"path" placeholder:"FILE" xor:"form"`
	JSON      bool   `help:"Print JSON." xor:"form"`
	tenantFlag
	apiTarget
}

func (signingKeyCreate) Help() string {
	return `Examples:

    weir key signing create --out signing.jwk
    weir key signing create --algorithm HS256 > signing.jwk
    weir key signing create --algorithm ES256 --public-key public.pem`
}

func (c *signingKeyCreate) Run(ctx context.Context, con *console) error {
	client, err := c.resolve()
	if err != nil {
		return err
	}
	request := &weirpb.CreateSigningKeyRequest{Tenant: c.or(client), Algorithm: c.Algorithm}
	if c.PublicKey != "" {
		if request.PublicKey, err = os.ReadFile(c.PublicKey); err != nil {
			return usagef("", "can't read the public key: %w", err)
		}
	}
	response, err := client.keys().CreateSigningKey(ctx, request)
	if err != nil {
		return client.explain(err)
	}
	return c.print(con, response)
}

func (c *signingKeyCreate) print(con *console, response *weirpb.CreateSigningKeyResponse) error {
	view := viewSigningKey(response.GetSigningKey())
	private := response.GetPrivateJwk()
	switch {
	case c.JSON:
		if private != "" {
			view.PrivateJWK = json.RawMessage(private)
		}
		return con.printJSON(view)
	case private == "":
		_, err := fmt.Fprintf(con.out, "registered signing key %s (%s)\n", view.ID, view.Algorithm)
		return err
	case c.Out != "":
		if err := writeSecret(c.Out, private+"\n"); err != nil {
			return failf("the key exists on the server: revoke it with \"weir key signing revoke "+view.ID+"\" and try again", "%w", err)
		}
		_, err := fmt.Fprintf(con.out, "created signing key %s (%s) in %s\n", view.ID, view.Algorithm, c.Out)
		return err
	}
	fmt.Fprintf(con.err, "created signing key %s (%s); its private part is shown only now:\n", view.ID, view.Algorithm)
	_, err := fmt.Fprintln(con.out, private)
	return err
}

// writeSecret writes a new file that only the user may read.
func writeSecret(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

type signingKeyList struct {
	JSON bool `help:"Print a JSON object a line."`
	tenantFlag
	apiTarget
}

func (signingKeyList) Help() string {
	return `Examples:

    weir key signing list
    weir key signing list --tenant acme --json`
}

func (c *signingKeyList) Run(ctx context.Context, con *console) error {
	client, err := c.resolve()
	if err != nil {
		return err
	}
	response, err := client.keys().ListSigningKeys(ctx, &weirpb.ListSigningKeysRequest{Tenant: c.or(client)})
	if err != nil {
		return client.explain(err)
	}
	list := listing{none: "no signing keys", header: []string{"ID", "ALGORITHM", "CREATED"}}
	for _, key := range response.GetSigningKeys() {
		view := viewSigningKey(key)
		list.add(view, view.ID, view.Algorithm, view.Created)
	}
	return list.print(con, c.JSON)
}

type signingKeyRevoke struct {
	ID   string `arg:"" name:"id" help:"ID of the signing key."`
	JSON bool   `help:"Print JSON."`
	tenantFlag
	apiTarget
}

func (signingKeyRevoke) Help() string {
	return `Examples:

    weir key signing revoke 7c2e`
}

func (c *signingKeyRevoke) Run(ctx context.Context, con *console) error {
	client, err := c.resolve()
	if err != nil {
		return err
	}
	request := &weirpb.RevokeSigningKeyRequest{Tenant: c.or(client), Id: c.ID}
	if _, err := client.keys().RevokeSigningKey(ctx, request); err != nil {
		return client.explain(err)
	}
	return con.printRevoked("signing key", c.ID, c.JSON)
}
