package api

import (
	"context"

	"weir/proto/weirpb"
)

// keys serves weir.v1.KeyService. An empty tenant in an operator's call about API keys means the operators' own keys.
type keys struct{ hub Hub }

func (s keys) CreateApiKey(ctx context.Context, r *weirpb.CreateApiKeyRequest) (*weirpb.CreateApiKeyResponse, error) {
	return onTenant(ctx, tenantOrOperators, &r.Tenant, r, s.hub.CreateApiKey)
}

func (s keys) ListApiKeys(ctx context.Context, r *weirpb.ListApiKeysRequest) (*weirpb.ListApiKeysResponse, error) {
	return onTenant(ctx, tenantOrOperators, &r.Tenant, r, s.hub.ListApiKeys)
}

func (s keys) RevokeApiKey(ctx context.Context, r *weirpb.RevokeApiKeyRequest) (*weirpb.RevokeApiKeyResponse, error) {
	return onTenant(ctx, tenantOrOperators, &r.Tenant, r, s.hub.RevokeApiKey)
}

func (s keys) CreateSigningKey(ctx context.Context, r *weirpb.CreateSigningKeyRequest) (*weirpb.CreateSigningKeyResponse, error) {
	return onTenant(ctx, tenantFor, &r.Tenant, r, s.hub.CreateSigningKey)
}

func (s keys) ListSigningKeys(ctx context.Context, r *weirpb.ListSigningKeysRequest) (*weirpb.ListSigningKeysResponse, error) {
	return onTenant(ctx, tenantFor, &r.Tenant, r, s.hub.ListSigningKeys)
}

func (s keys) RevokeSigningKey(ctx context.Context, r *weirpb.RevokeSigningKeyRequest) (*weirpb.RevokeSigningKeyResponse, error) {
	return onTenant(ctx, tenantFor, &r.Tenant, r, s.hub.RevokeSigningKey)
}
