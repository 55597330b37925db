package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"connectrpc.com/connect"

	"weir/deploy/bench/internal/process"
	"weir/deploy/internal/server"
	"weir/edge/token"
	"weir/proto/weirpb"
	"weir/proto/weirpb/weirpbconnect"
)

// An admin is a server's operator.
type admin struct {
	url string
	key connect.ClientOption
}

func newAdmin(w *process.Weir) *admin {
	return &admin{url: w.API, key: server.Authorize(w.AdminKey)}
}

// tenant makes a tenant, and returns a token for all its channels.
func (a *admin) tenant(ctx context.Context, name string) (string, error) {
	if _, err := weirpbconnect.NewTenantServiceClient(http.DefaultClient, a.url, a.key).
		CreateTenant(ctx, &weirpb.CreateTenantRequest{Name: name}); err != nil {
		return "", fmt.Errorf("create tenant %s: %w", name, err)
	}
	made, err := weirpbconnect.NewKeyServiceClient(http.DefaultClient, a.url, a.key).
		CreateSigningKey(ctx, &weirpb.CreateSigningKeyRequest{Tenant: name})
	if err != nil {
		return "", fmt.Errorf("create a signing key of %s: %w", name, err)
	}
	key, err := token.ParseJWK([]byte(made.GetPrivateJwk()))
	if err != nil {
		return "", err
	}
	return token.Mint(&token.Claims{
		Tenant: name, Subject: "user", Expires: time.Now().Add(time.Hour), Subscribe: []string{"*"}, Publish: []string{"*"},
	}, key)
}

func (a *admin) upload(ctx context.Context, tenant, name string, module []byte) error {
	_, err := weirpbconnect.NewFilterServiceClient(http.DefaultClient, a.url, a.key).
		UploadFilter(ctx, &weirpb.UploadFilterRequest{Tenant: tenant, Name: name, Module: module})
	if err != nil {
		return fmt.Errorf("upload %s: %w", name, err)
	}
	return nil
}
