package api

import (
	"context"
	"net/http"
	"strings"

	"connectrpc.com/connect"

	"weir/hub"
	"weir/hub/api/apifault"
	"weir/proto/fault"
)

// maxKey bounds what is tried as an API key, in bytes; real ones are well below.
const maxKey = 256

const keyHint = "send the header \"Authorization: Bearer wk_...\" with an API key; an operator's first one is in admin.key in the hub's data folder"

// A gate lets callers in who have an API key, before anything of their request is read.
type gate struct{ hub authenticator }

// An authenticator knows whom API keys belong to.
type authenticator interface {
	Authenticate(key string) (hub.Principal, error)
}

func (g gate) admit(ctx context.Context, _ connect.Spec, _ connect.Peer, header http.Header) (context.Context, error) {
	c := callOf(ctx)
	if err := g.authenticate(c, header); err != nil {
		c.refusal = apifault.Of(err)
		c.body.refused = true
		encoded := apifault.Encode(c.refusal)
		if encoded.Code() == connect.CodeUnauthenticated {
			encoded.Meta().Set("WWW-Authenticate", "Bearer") // RFC 9110, section 11.6.1
		}
		return nil, encoded
	}
	return ctx, nil
}

func (g gate) authenticate(c *call, header http.Header) error {
	values := header.Values("Authorization")
	if len(values) != 1 {
		return fault.New(fault.Unauthenticated, "there is no API key, or more than one").WithHint(keyHint)
	}
	scheme, key, _ := strings.Cut(values[0], " ")
	key = strings.TrimSpace(key)
	if !strings.EqualFold(scheme, "Bearer") || !strings.HasPrefix(key, "wk_") || len(key) > maxKey {
		return fault.New(fault.Unauthenticated, "what was sent is no API key").WithHint(keyHint)
	}
	principal, err := g.hub.Authenticate(key)
	if err != nil {
		return err
	}
	c.principal = principal
	return nil
}

// tenantFor returns the tenant that a call acts on. asked is the one that the request names: a tenant's key may leave it
// empty and must not name another; an operator's must name one.
func tenantFor(ctx context.Context, asked string) (string, error) {
	if asked == "" && callOf(ctx).principal.Operator {
		return "", fault.New(fault.InvalidArgument, "this is an operator's key, and the request does not say which tenant it is about").
			WithHint("set \"tenant\" in the request")
	}
	return tenantOrOperators(ctx, asked)
}

// tenantOrOperators is tenantFor where an operator may leave the tenant empty to mean the operators' own.
func tenantOrOperators(ctx context.Context, asked string) (string, error) {
	c := callOf(ctx)
	switch {
	case c.principal.Operator:
	case asked == "":
		asked = c.principal.Tenant
	case asked != c.principal.Tenant:
		return "", fault.New(fault.PermissionDenied, "this API key is of another tenant").
			WithHint("leave \"tenant\" empty, or use a key of that tenant or an operator's")
	}
	c.tenant = asked
	return asked, nil
}

// operatorsOnly returns the tenant that an operator's call names and refuses tenants' keys.
func operatorsOnly(ctx context.Context, asked string) (string, error) {
	c := callOf(ctx)
	if !c.principal.Operator {
		return "", fault.New(fault.PermissionDenied, "only operators may do this").
			WithHint("use an operator's API key; the first one is in admin.key in the hub's data folder")
	}
	c.tenant = asked
	return asked, nil
}

// onTenant does what r asks once settle has said which tenant it is about; field is where r names it.
func onTenant[Q, A any](
	ctx context.Context, settle func(context.Context, string) (string, error), field *string,
	r *Q, do func(context.Context, *Q) (*A, error),
) (*A, error) {
	tenant, err := settle(ctx, *field)
	if err != nil {
		return nil, err
	}
	*field = tenant
	return do(ctx, r)
}
