package api_test

import (
	"context"
	"sync"

	"weir/hub"
	"weir/hub/api"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

// Keys that the fake hub knows.
const (
	operatorKey = "wk_op_operators-secret"
	acmeKey     = "wk_acme_tenants-secret"
)

// fakeHub answers what its fields say; calls without one panic, as a nil interface does.
type fakeHub struct {
	api.Hub
	publish func(tenant string, p *weirpb.Publication, done func(*weirpb.Receipt, error))
	history func(context.Context, *weirpb.HistoryRequest) (*weirpb.HistoryResponse, error)

	mu        sync.Mutex
	published []*weirpb.Publication // guarded by mu
	tenants   []string              // guarded by mu; of each call, in order
	uploaded  int                   // guarded by mu; bytes
}

func (h *fakeHub) Authenticate(key string) (hub.Principal, error) {
	switch key {
	case operatorKey:
		return hub.Principal{Operator: true, KeyID: "op"}, nil
	case acmeKey:
		return hub.Principal{Tenant: "acme", KeyID: "acme"}, nil
	}
	return hub.Principal{}, fault.New(fault.Unauthenticated, "the API key is unknown or revoked")
}

func (h *fakeHub) called(tenant string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.tenants = append(h.tenants, tenant)
}

func (h *fakeHub) Publish(tenant string, p *weirpb.Publication, done func(*weirpb.Receipt, error)) {
	h.called(tenant)
	if h.publish != nil {
		h.publish(tenant, p, done)
		return
	}
	h.mu.Lock()
	h.published = append(h.published, p)
	offset := uint64(len(h.published))
	h.mu.Unlock()
	done(&weirpb.Receipt{Epoch: 7, Offset: offset}, nil)
}

func (h *fakeHub) History(ctx context.Context, r *weirpb.HistoryRequest) (*weirpb.HistoryResponse, error) {
	h.called(r.GetTenant())
	if h.history != nil {
		return h.history(ctx, r)
	}
	return &weirpb.HistoryResponse{Channel: &weirpb.Channel{Name: r.GetChannel()}}, nil
}

func (h *fakeHub) ListTenants(context.Context, *weirpb.ListTenantsRequest) (*weirpb.ListTenantsResponse, error) {
	return &weirpb.ListTenantsResponse{Tenants: []*weirpb.Tenant{{Name: "acme"}}}, nil
}

func (h *fakeHub) CreateTenant(_ context.Context, r *weirpb.CreateTenantRequest) (*weirpb.Tenant, error) {
	return &weirpb.Tenant{Name: r.GetName()}, nil
}

func (h *fakeHub) PutNamespace(_ context.Context, r *weirpb.PutNamespaceRequest) (*weirpb.Namespace, error) {
	h.called(r.GetNamespace().GetTenant())
	return r.GetNamespace(), nil
}

func (h *fakeHub) CreateApiKey(_ context.Context, r *weirpb.CreateApiKeyRequest) (*weirpb.CreateApiKeyResponse, error) {
	h.called(r.GetTenant())
	return &weirpb.CreateApiKeyResponse{Secret: "wk_new_secret"}, nil
}

func (h *fakeHub) UploadFilter(_ context.Context, r *weirpb.UploadFilterRequest) (*weirpb.FilterVersion, error) {
	h.called(r.GetTenant())
	h.mu.Lock()
	defer h.mu.Unlock()
	h.uploaded = len(r.GetModule())
	return &weirpb.FilterVersion{Name: r.GetName(), Version: 1}, nil
}
