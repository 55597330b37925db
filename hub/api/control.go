package api

import (
	"context"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

// tenants serves weir.v1.TenantService, to operators alone.
type tenants struct{ hub Hub }

func (s tenants) CreateTenant(ctx context.Context, r *weirpb.CreateTenantRequest) (*weirpb.Tenant, error) {
	return onTenant(ctx, operatorsOnly, &r.Name, r, s.hub.CreateTenant)
}

func (s tenants) ListTenants(ctx context.Context, r *weirpb.ListTenantsRequest) (*weirpb.ListTenantsResponse, error) {
	if _, err := operatorsOnly(ctx, ""); err != nil {
		return nil, err
	}
	return s.hub.ListTenants(ctx, r)
}

func (s tenants) DeleteTenant(ctx context.Context, r *weirpb.DeleteTenantRequest) (*weirpb.DeleteTenantResponse, error) {
	return onTenant(ctx, operatorsOnly, &r.Name, r, s.hub.DeleteTenant)
}

func (s tenants) SetTenantLimits(ctx context.Context, r *weirpb.SetTenantLimitsRequest) (*weirpb.Tenant, error) {
	return onTenant(ctx, operatorsOnly, &r.Name, r, s.hub.SetTenantLimits)
}

// namespaces serves weir.v1.NamespaceService.
type namespaces struct{ hub Hub }

func (s namespaces) PutNamespace(ctx context.Context, r *weirpb.PutNamespaceRequest) (*weirpb.Namespace, error) {
	if r.GetNamespace() == nil {
		return nil, fault.New(fault.InvalidArgument, "the namespace is missing").
			WithHint(`send {"namespace": {"name": "chat", "kind": "CHANNEL_KIND_LOG"}}`)
	}
	return onTenant(ctx, tenantFor, &r.Namespace.Tenant, r, s.hub.PutNamespace)
}

func (s namespaces) ListNamespaces(ctx context.Context, r *weirpb.ListNamespacesRequest) (*weirpb.ListNamespacesResponse, error) {
	return onTenant(ctx, tenantFor, &r.Tenant, r, s.hub.ListNamespaces)
}

// filters serves weir.v1.FilterService.
type filters struct {
	hub   Hub
	stats FilterStats
}

func (s filters) UploadFilter(ctx context.Context, r *weirpb.UploadFilterRequest) (*weirpb.FilterVersion, error) {
	return onTenant(ctx, tenantFor, &r.Tenant, r, s.hub.UploadFilter)
}

func (s filters) PushFilter(ctx context.Context, r *weirpb.PushFilterRequest) (*weirpb.FilterVersion, error) {
	return onTenant(ctx, tenantFor, &r.Tenant, r, s.hub.PushFilter)
}

func (s filters) SetRollout(ctx context.Context, r *weirpb.SetRolloutRequest) (*weirpb.FilterVersion, error) {
	return onTenant(ctx, tenantFor, &r.Tenant, r, s.hub.SetRollout)
}

func (s filters) PromoteFilter(ctx context.Context, r *weirpb.PromoteFilterRequest) (*weirpb.FilterVersion, error) {
	return onTenant(ctx, tenantFor, &r.Tenant, r, s.hub.PromoteFilter)
}

func (s filters) RollbackFilter(ctx context.Context, r *weirpb.RollbackFilterRequest) (*weirpb.FilterVersion, error) {
	return onTenant(ctx, tenantFor, &r.Tenant, r, s.hub.RollbackFilter)
}

func (s filters) PauseFilter(ctx context.Context, r *weirpb.PauseFilterRequest) (*weirpb.FilterVersion, error) {
	return onTenant(ctx, tenantFor, &r.Tenant, r, s.hub.PauseFilter)
}

func (s filters) ResumeFilter(ctx context.Context, r *weirpb.ResumeFilterRequest) (*weirpb.FilterVersion, error) {
	return onTenant(ctx, tenantFor, &r.Tenant, r, s.hub.ResumeFilter)
}

func (s filters) SetFilterLimits(ctx context.Context, r *weirpb.SetFilterLimitsRequest) (*weirpb.FilterLimits, error) {
	return onTenant(ctx, tenantFor, &r.Tenant, r, s.hub.SetFilterLimits)
}

func (s filters) ListFilters(ctx context.Context, r *weirpb.ListFiltersRequest) (*weirpb.ListFiltersResponse, error) {
	return onTenant(ctx, tenantFor, &r.Tenant, r, s.hub.ListFilters)
}

func (s filters) GetFilter(ctx context.Context, r *weirpb.GetFilterRequest) (*weirpb.GetFilterResponse, error) {
	return onTenant(ctx, tenantFor, &r.Tenant, r, s.hub.GetFilter)
}
