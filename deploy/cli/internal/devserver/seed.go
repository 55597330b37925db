package devserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"weir/deploy/demo"
	"weir/edge/token"
	"weir/filters/examples"
	"weir/hub"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

// seed gives the hub what the demo needs and it does not have yet: on a first start all of it, later nothing. What a
// user has changed since stays. It returns the key that signs tokens.
func seed(ctx context.Context, h *hub.Hub, cfg *Config) (*token.PrivateKey, error) {
	if _, err := h.CreateTenant(ctx, &weirpb.CreateTenantRequest{Name: Tenant}); unlessExists(err) != nil {
		return nil, fmt.Errorf("create the tenant: %w", err)
	}
	for _, n := range demo.Namespaces(Tenant) {
		if _, err := h.PutNamespace(ctx, &weirpb.PutNamespaceRequest{Namespace: n, Create: true}); unlessExists(err) != nil {
			return nil, fmt.Errorf("create the namespace %s: %w", n.GetName(), err)
		}
	}
	for _, filter := range examples.All() {
		if err := seedFilter(ctx, h, filter); err != nil {
			return nil, fmt.Errorf("upload the filter %s: %w", filter.Name, err)
		}
	}
	key, err := seedSigningKey(ctx, h, cfg.signingKey())
	if err != nil {
		return nil, fmt.Errorf("make a signing key: %w", err)
	}
	return key, nil
}

// unlessExists returns err, nil where it only says that something is there already.
func unlessExists(err error) error {
	if fault.CodeOf(err) == fault.AlreadyExists {
		return nil
	}
	return err
}

func seedFilter(ctx context.Context, h *hub.Hub, filter examples.Example) error {
	_, err := h.GetFilter(ctx, &weirpb.GetFilterRequest{Tenant: Tenant, Name: filter.Name})
	if code := fault.CodeOf(err); code != fault.FilterUnknown && code != fault.NotFound {
		return err
	}
	_, err = h.UploadFilter(ctx, &weirpb.UploadFilterRequest{Tenant: Tenant, Name: filter.Name, Module: filter.Module})
	return err
}

// seedSigningKey returns the key in the file, if the hub knows it; else it has the hub make one.
func seedSigningKey(ctx context.Context, h *hub.Hub, path string) (*token.PrivateKey, error) {
	text, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if err == nil {
		key, err := token.ParseJWK(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		known, err := h.ListSigningKeys(ctx, &weirpb.ListSigningKeysRequest{Tenant: Tenant})
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(known.GetSigningKeys(), func(k *weirpb.SigningKey) bool { return k.GetId() == key.ID() }) {
			return key, nil
		}
	}
	response, err := h.CreateSigningKey(ctx, &weirpb.CreateSigningKeyRequest{Tenant: Tenant})
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(path, []byte(response.GetPrivateJwk()+"\n"), 0o600); err != nil {
		return nil, err
	}
	return token.ParseJWK([]byte(response.GetPrivateJwk()))
}
