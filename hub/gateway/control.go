package gateway

import (
	"context"

	"weir/proto/weirpb"
	"weir/proto/weirpb/weirpbconnect"
)

// CreateTenant makes a tenant.
func (g *Gateway) CreateTenant(ctx context.Context, r *weirpb.CreateTenantRequest) (*weirpb.Tenant, error) {
	return change[weirpb.Tenant](ctx, g, weirpbconnect.TenantServiceCreateTenantProcedure, r)
}

// ListTenants lists all tenants.
func (g *Gateway) ListTenants(ctx context.Context, r *weirpb.ListTenantsRequest) (*weirpb.ListTenantsResponse, error) {
	return list(ctx, g, weirpbconnect.TenantServiceListTenantsProcedure, r, g.Hub.ListTenants)
}

// DeleteTenant deletes a tenant with all that it has.
func (g *Gateway) DeleteTenant(ctx context.Context, r *weirpb.DeleteTenantRequest) (*weirpb.DeleteTenantResponse, error) {
	return change[weirpb.DeleteTenantResponse](ctx, g, weirpbconnect.TenantServiceDeleteTenantProcedure, r)
}

// SetTenantLimits sets the limits of a tenant's filters.
func (g *Gateway) SetTenantLimits(ctx context.Context, r *weirpb.SetTenantLimitsRequest) (*weirpb.Tenant, error) {
	return change[weirpb.Tenant](ctx, g, weirpbconnect.TenantServiceSetTenantLimitsProcedure, r)
}

// PutNamespace creates a namespace or changes its settings.
func (g *Gateway) PutNamespace(ctx context.Context, r *weirpb.PutNamespaceRequest) (*weirpb.Namespace, error) {
	return change[weirpb.Namespace](ctx, g, weirpbconnect.NamespaceServicePutNamespaceProcedure, r)
}

// ListNamespaces lists a tenant's namespaces.
func (g *Gateway) ListNamespaces(ctx context.Context, r *weirpb.ListNamespacesRequest) (*weirpb.ListNamespacesResponse, error) {
	return list(ctx, g, weirpbconnect.NamespaceServiceListNamespacesProcedure, r, g.Hub.ListNamespaces)
}

// CreateApiKey makes an API key.
func (g *Gateway) CreateApiKey(ctx context.Context, r *weirpb.CreateApiKeyRequest) (*weirpb.CreateApiKeyResponse, error) {
	return change[weirpb.CreateApiKeyResponse](ctx, g, weirpbconnect.KeyServiceCreateApiKeyProcedure, r)
}

// ListApiKeys lists API keys, without their secrets.
func (g *Gateway) ListApiKeys(ctx context.Context, r *weirpb.ListApiKeysRequest) (*weirpb.ListApiKeysResponse, error) {
	return list(ctx, g, weirpbconnect.KeyServiceListApiKeysProcedure, r, g.Hub.ListApiKeys)
}

// RevokeApiKey ends an API key.
func (g *Gateway) RevokeApiKey(ctx context.Context, r *weirpb.RevokeApiKeyRequest) (*weirpb.RevokeApiKeyResponse, error) {
	return change[weirpb.RevokeApiKeyResponse](ctx, g, weirpbconnect.KeyServiceRevokeApiKeyProcedure, r)
}

// CreateSigningKey registers a key that verifies users' tokens.
func (g *Gateway) CreateSigningKey(ctx context.Context, r *weirpb.CreateSigningKeyRequest) (*weirpb.CreateSigningKeyResponse, error) {
	return change[weirpb.CreateSigningKeyResponse](ctx, g, weirpbconnect.KeyServiceCreateSigningKeyProcedure, r)
}

// ListSigningKeys lists signing keys, without their secrets.
func (g *Gateway) ListSigningKeys(ctx context.Context, r *weirpb.ListSigningKeysRequest) (*weirpb.ListSigningKeysResponse, error) {
	return list(ctx, g, weirpbconnect.KeyServiceListSigningKeysProcedure, r, g.Hub.ListSigningKeys)
}

// RevokeSigningKey ends a signing key.
func (g *Gateway) RevokeSigningKey(ctx context.Context, r *weirpb.RevokeSigningKeyRequest) (*weirpb.RevokeSigningKeyResponse, error) {
	return change[weirpb.RevokeSigningKeyResponse](ctx, g, weirpbconnect.KeyServiceRevokeSigningKeyProcedure, r)
}

// UploadFilter stores a module as the next version of a filter, which becomes live.
func (g *Gateway) UploadFilter(ctx context.Context, r *weirpb.UploadFilterRequest) (*weirpb.FilterVersion, error) {
	return change[weirpb.FilterVersion](ctx, g, weirpbconnect.FilterServiceUploadFilterProcedure, r)
}

// PushFilter stores a module as the next version of a filter.
func (g *Gateway) PushFilter(ctx context.Context, r *weirpb.PushFilterRequest) (*weirpb.FilterVersion, error) {
	return change[weirpb.FilterVersion](ctx, g, weirpbconnect.FilterServicePushFilterProcedure, r)
}

// SetRollout tries a version beside the live one.
func (g *Gateway) SetRollout(ctx context.Context, r *weirpb.SetRolloutRequest) (*weirpb.FilterVersion, error) {
	return change[weirpb.FilterVersion](ctx, g, weirpbconnect.FilterServiceSetRolloutProcedure, r)
}

// PromoteFilter makes a version live.
func (g *Gateway) PromoteFilter(ctx context.Context, r *weirpb.PromoteFilterRequest) (*weirpb.FilterVersion, error) {
	return change[weirpb.FilterVersion](ctx, g, weirpbconnect.FilterServicePromoteFilterProcedure, r)
}

// RollbackFilter makes the version live again that was before.
func (g *Gateway) RollbackFilter(ctx context.Context, r *weirpb.RollbackFilterRequest) (*weirpb.FilterVersion, error) {
	return change[weirpb.FilterVersion](ctx, g, weirpbconnect.FilterServiceRollbackFilterProcedure, r)
}

// PauseFilter stops asking a version.
func (g *Gateway) PauseFilter(ctx context.Context, r *weirpb.PauseFilterRequest) (*weirpb.FilterVersion, error) {
	return change[weirpb.FilterVersion](ctx, g, weirpbconnect.FilterServicePauseFilterProcedure, r)
}

// ResumeFilter goes on asking a version.
func (g *Gateway) ResumeFilter(ctx context.Context, r *weirpb.ResumeFilterRequest) (*weirpb.FilterVersion, error) {
	return change[weirpb.FilterVersion](ctx, g, weirpbconnect.FilterServiceResumeFilterProcedure, r)
}

// SetFilterLimits sets the limits of a filter.
func (g *Gateway) SetFilterLimits(ctx context.Context, r *weirpb.SetFilterLimitsRequest) (*weirpb.FilterLimits, error) {
	return change[weirpb.FilterLimits](ctx, g, weirpbconnect.FilterServiceSetFilterLimitsProcedure, r)
}

// ListFilters lists a tenant's filters.
func (g *Gateway) ListFilters(ctx context.Context, r *weirpb.ListFiltersRequest) (*weirpb.ListFiltersResponse, error) {
	return list(ctx, g, weirpbconnect.FilterServiceListFiltersProcedure, r, g.Hub.ListFilters)
}

// GetFilter describes a version of a filter.
func (g *Gateway) GetFilter(ctx context.Context, r *weirpb.GetFilterRequest) (*weirpb.GetFilterResponse, error) {
	return list(ctx, g, weirpbconnect.FilterServiceGetFilterProcedure, r, g.Hub.GetFilter)
}
