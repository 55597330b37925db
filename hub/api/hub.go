package api

import (
	"context"

	"weir/hub"
	"weir/proto/weirpb"
)

var _ Hub = (*hub.Hub)(nil)

// A Hub is what the API needs of a hub; *hub.Hub is one. Its errors are or wrap *fault.Fault. Requests name their tenant.
type Hub interface {
	// Authenticate returns whom an API key belongs to, comparing its secret in constant time.
	Authenticate(key string) (hub.Principal, error)

	// Publish hands over a publication and returns at once; done is called exactly once, maybe before Publish returns,
	// and must not block. Publications handed over one after another are ordered so.
	Publish(tenant string, p *weirpb.Publication, done func(*weirpb.Receipt, error))
	History(context.Context, *weirpb.HistoryRequest) (*weirpb.HistoryResponse, error)
	State(context.Context, *weirpb.StateRequest) (*weirpb.StateResponse, error)
	GetChannel(context.Context, *weirpb.GetChannelRequest) (*weirpb.Channel, error)

	CreateTenant(context.Context, *weirpb.CreateTenantRequest) (*weirpb.Tenant, error)
	ListTenants(context.Context, *weirpb.ListTenantsRequest) (*weirpb.ListTenantsResponse, error)
	DeleteTenant(context.Context, *weirpb.DeleteTenantRequest) (*weirpb.DeleteTenantResponse, error)
	SetTenantLimits(context.Context, *weirpb.SetTenantLimitsRequest) (*weirpb.Tenant, error)

	PutNamespace(context.Context, *weirpb.PutNamespaceRequest) (*weirpb.Namespace, error)
	ListNamespaces(context.Context, *weirpb.ListNamespacesRequest) (*weirpb.ListNamespacesResponse, error)

	CreateApiKey(context.Context, *weirpb.CreateApiKeyRequest) (*weirpb.CreateApiKeyResponse, error)
	ListApiKeys(context.Context, *weirpb.ListApiKeysRequest) (*weirpb.ListApiKeysResponse, error)
	RevokeApiKey(context.Context, *weirpb.RevokeApiKeyRequest) (*weirpb.RevokeApiKeyResponse, error)
	CreateSigningKey(context.Context, *weirpb.CreateSigningKeyRequest) (*weirpb.CreateSigningKeyResponse, error)
	ListSigningKeys(context.Context, *weirpb.ListSigningKeysRequest) (*weirpb.ListSigningKeysResponse, error)
	RevokeSigningKey(context.Context, *weirpb.RevokeSigningKeyRequest) (*weirpb.RevokeSigningKeyResponse, error)

	UploadFilter(context.Context, *weirpb.UploadFilterRequest) (*weirpb.FilterVersion, error)
	PushFilter(context.Context, *weirpb.PushFilterRequest) (*weirpb.FilterVersion, error)
	SetRollout(context.Context, *weirpb.SetRolloutRequest) (*weirpb.FilterVersion, error)
	PromoteFilter(context.Context, *weirpb.PromoteFilterRequest) (*weirpb.FilterVersion, error)
	RollbackFilter(context.Context, *weirpb.RollbackFilterRequest) (*weirpb.FilterVersion, error)
	PauseFilter(context.Context, *weirpb.PauseFilterRequest) (*weirpb.FilterVersion, error)
	ResumeFilter(context.Context, *weirpb.ResumeFilterRequest) (*weirpb.FilterVersion, error)
	SetFilterLimits(context.Context, *weirpb.SetFilterLimitsRequest) (*weirpb.FilterLimits, error)
	ListFilters(context.Context, *weirpb.ListFiltersRequest) (*weirpb.ListFiltersResponse, error)
	GetFilter(context.Context, *weirpb.GetFilterRequest) (*weirpb.GetFilterResponse, error)

	// What follows is answered by any node.
	GetRegion(context.Context, *weirpb.GetRegionRequest) (*weirpb.Region, error)
	RetireNode(context.Context, *weirpb.RetireNodeRequest) (*weirpb.RegionNode, error)
	VerifyRegion(context.Context, *weirpb.VerifyRegionRequest) (*weirpb.VerifyRegionResponse, error)
	RecoverGroup(context.Context, *weirpb.RecoverGroupRequest) (*weirpb.RecoverGroupResponse, error)
}
