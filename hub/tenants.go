package hub

import (
	"context"
	"maps"
	"slices"
	"strings"

	"weir/hub/internal/control"
	"weir/proto/fault"
	"weir/proto/logpb"
	"weir/proto/name"
	"weir/proto/weirpb"
)

// CreateTenant creates a tenant and its namespace "default".
func (h *Hub) CreateTenant(ctx context.Context, r *weirpb.CreateTenantRequest) (*weirpb.Tenant, error) {
	if err := name.CheckTenant(r.GetName()); err != nil {
		return nil, err
	}
	return change[weirpb.Tenant](ctx, h, &logpb.ControlCommand{Command: &logpb.ControlCommand_CreateTenant{
		CreateTenant: &logpb.CreateTenant{Name: r.GetName()},
	}})
}

// ListTenants lists all tenants by name.
func (h *Hub) ListTenants(context.Context, *weirpb.ListTenantsRequest) (*weirpb.ListTenantsResponse, error) {
	if err := h.status.check(); err != nil {
		return nil, err
	}
	response := &weirpb.ListTenantsResponse{}
	tenants := h.control.State().Tenants
	for _, called := range slices.Sorted(maps.Keys(tenants)) {
		response.Tenants = append(response.Tenants, tenants[called].Record.GetTenant())
	}
	return response, nil
}

// DeleteTenant deletes a tenant with all its channels, keys and filters. Once it is deleted nothing of it can be reached;
// where ctx ends before its channels have been dropped, that is done later.
func (h *Hub) DeleteTenant(ctx context.Context, r *weirpb.DeleteTenantRequest) (*weirpb.DeleteTenantResponse, error) {
	_, err := change[control.Tenant](ctx, h, &logpb.ControlCommand{Command: &logpb.ControlCommand_DeleteTenant{
		DeleteTenant: &logpb.DeleteTenant{Name: r.GetName()},
	}})
	if err != nil {
		return nil, err
	}
	if err := h.dropTenants(ctx); err != nil {
		h.log.Info("the channels of a deleted tenant will be dropped later", "tenant", r.GetName(), "error", err)
	}
	return &weirpb.DeleteTenantResponse{}, nil
}

// PutNamespace creates a namespace or changes its settings; the kind of an existing one can't change.
func (h *Hub) PutNamespace(ctx context.Context, r *weirpb.PutNamespaceRequest) (*weirpb.Namespace, error) {
	n := r.GetNamespace()
	if err := name.CheckNamespace(n.GetName()); err != nil {
		return nil, err
	}
	if err := checkNamespace(n); err != nil {
		return nil, err
	}
	return change[weirpb.Namespace](ctx, h, &logpb.ControlCommand{Command: &logpb.ControlCommand_PutNamespace{
		PutNamespace: &logpb.PutNamespace{Namespace: n, Create: r.GetCreate()},
	}})
}

// Bounds of a namespace's settings.
const (
	minAgeMs       = 1000
	maxAgeMs       = 7 * 24 * 3600 * 1000
	maxWindowBytes = 64 << 30
	maxWindowCount = 1_000_000_000
	maxKeys        = 10_000_000
)

func checkNamespace(n *weirpb.Namespace) error {
	if n.GetKind() < 0 || n.GetKind() > weirpb.ChannelKind_CHANNEL_KIND_STATE {
		return fault.New(fault.InvalidArgument, "there is no kind %d of channels", n.GetKind()).WithHint("use \"log\" or \"state\"")
	}
	if n.GetOnFilterFailure() < 0 || n.GetOnFilterFailure() > weirpb.FailurePolicy_FAILURE_POLICY_LAST_GOOD {
		return fault.New(fault.InvalidArgument, "there is no failure policy %d", n.GetOnFilterFailure()).
			WithHint("use \"closed\", \"open\" or \"last-good\"")
	}
	for _, s := range []struct {
		called          string
		value, min, max uint64
	}{
		{"window_age_ms", n.GetWindowAgeMs(), minAgeMs, maxAgeMs},
		{"window_bytes", n.GetWindowBytes(), 1, maxWindowBytes},
		{"window_count", n.GetWindowCount(), 1, maxWindowCount},
		{"payload_bytes", uint64(n.GetPayloadBytes()), 1, maxPayload},
		{"keys", uint64(n.GetKeys()), 1, maxKeys},
		{"dedupe_age_ms", n.GetDedupeAgeMs(), minAgeMs, maxAgeMs},
	} {
		if s.value != 0 && (s.value < s.min || s.value > s.max) {
			return fault.New(fault.InvalidArgument, "%s is %d, it can be %d to %d", s.called, s.value, s.min, s.max).
				WithHint("0 is the default")
		}
	}
	return nil
}

// ListNamespaces lists a tenant's namespaces by name.
func (h *Hub) ListNamespaces(_ context.Context, r *weirpb.ListNamespacesRequest) (*weirpb.ListNamespacesResponse, error) {
	t, err := h.tenant(r.GetTenant())
	if err != nil {
		return nil, err
	}
	response := &weirpb.ListNamespacesResponse{}
	for _, n := range t.Namespaces {
		response.Namespaces = append(response.Namespaces, n)
	}
	slices.SortFunc(response.Namespaces, func(a, b *weirpb.Namespace) int { return strings.Compare(a.GetName(), b.GetName()) })
	return response, nil
}
