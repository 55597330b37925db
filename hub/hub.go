// Package hub orders, stores and serves the events of a region's channels.
package hub

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

// An Inspector validates a filter module and says what it exports beyond the necessary ("project", "keys"). Its errors
// are or wrap *fault.Fault. The command line injects the one of the filter engine.
type Inspector func(ctx context.Context, module []byte) (abilities []string, err error)

// Config says how to open a Hub. Only Dir is required.
type Config struct {
	// Dir is the data folder; it is made if missing.
	Dir string
	// NodeID names this node among its region's. Empty: "hub-1".
	NodeID string
	// Logger receives the hub's log. Nil: slog.Default().
	Logger *slog.Logger
	// Registerer receives the hub's metrics. Nil: a registry of its own.
	Registerer prometheus.Registerer
	// Inspect validates uploaded modules. Nil: uploads are refused.
	Inspect Inspector
}

// A Hub is one node of a region. It is safe for concurrent use.
type Hub struct{}

// A Principal is who an API key belongs to.
type Principal struct {
	// Operator is true for a key that acts on all tenants; Tenant is empty then.
	Operator bool
	Tenant   string
	KeyID    string
}

var errUnavailable = fault.New(fault.Unavailable, "the hub is not open")

// Open opens the data folder, starts Raft and recovers.
func Open(ctx context.Context, cfg Config) (*Hub, error) { return &Hub{}, nil }

// Close stops the hub: what it has accepted is answered first.
func (h *Hub) Close() error { return nil }

// Ready waits until the hub leads its region and has applied all it had committed.
func (h *Hub) Ready(ctx context.Context) error { return nil }

// Publish hands over a publication and returns at once; done is called exactly once, and must not block.
func (h *Hub) Publish(tenant string, p *weirpb.Publication, done func(*weirpb.Receipt, error)) {
	done(nil, errUnavailable)
}

// Follow delivers a channel's description, on a state channel a snapshot, then each new event in order.
func (h *Hub) Follow(ctx context.Context, tenant, channel string, from *weirpb.Cursor, deliver func(*weirpb.FeedBatch) error) error {
	return errUnavailable
}

// History reads a page of the window.
func (h *Hub) History(ctx context.Context, r *weirpb.HistoryRequest) (*weirpb.HistoryResponse, error) {
	return nil, errUnavailable
}

// State reads a page of the latest events per key of a state channel.
func (h *Hub) State(ctx context.Context, r *weirpb.StateRequest) (*weirpb.StateResponse, error) {
	return nil, errUnavailable
}

// GetChannel describes a channel.
func (h *Hub) GetChannel(ctx context.Context, r *weirpb.GetChannelRequest) (*weirpb.Channel, error) {
	return nil, errUnavailable
}

// WatchControl delivers the whole control state, then each change.
func (h *Hub) WatchControl(ctx context.Context, deliver func(*weirpb.ControlUpdate) error) error {
	return errUnavailable
}

// Module returns the filter module with this SHA-256.
func (h *Hub) Module(ctx context.Context, digest []byte) ([]byte, error) { return nil, errUnavailable }

// Authenticate returns whom an API key belongs to.
func (h *Hub) Authenticate(key string) (Principal, error) { return Principal{}, errUnavailable }

// CreateTenant creates a tenant and its namespace "default".
func (h *Hub) CreateTenant(ctx context.Context, r *weirpb.CreateTenantRequest) (*weirpb.Tenant, error) {
	return nil, errUnavailable
}

// ListTenants lists all tenants by name.
func (h *Hub) ListTenants(ctx context.Context, r *weirpb.ListTenantsRequest) (*weirpb.ListTenantsResponse, error) {
	return nil, errUnavailable
}

// DeleteTenant deletes a tenant and everything of it.
func (h *Hub) DeleteTenant(ctx context.Context, r *weirpb.DeleteTenantRequest) (*weirpb.DeleteTenantResponse, error) {
	return nil, errUnavailable
}

// PutNamespace creates a namespace or changes its settings.
func (h *Hub) PutNamespace(ctx context.Context, r *weirpb.PutNamespaceRequest) (*weirpb.Namespace, error) {
	return nil, errUnavailable
}

// ListNamespaces lists a tenant's namespaces by name.
func (h *Hub) ListNamespaces(ctx context.Context, r *weirpb.ListNamespacesRequest) (*weirpb.ListNamespacesResponse, error) {
	return nil, errUnavailable
}

// CreateApiKey makes an API key; its secret is in the answer and nowhere else.
func (h *Hub) CreateApiKey(ctx context.Context, r *weirpb.CreateApiKeyRequest) (*weirpb.CreateApiKeyResponse, error) {
	return nil, errUnavailable
}

// ListApiKeys lists a tenant's API keys, or the operators' where tenant is empty.
func (h *Hub) ListApiKeys(ctx context.Context, r *weirpb.ListApiKeysRequest) (*weirpb.ListApiKeysResponse, error) {
	return nil, errUnavailable
}

// RevokeApiKey makes an API key useless.
func (h *Hub) RevokeApiKey(ctx context.Context, r *weirpb.RevokeApiKeyRequest) (*weirpb.RevokeApiKeyResponse, error) {
	return nil, errUnavailable
}

// CreateSigningKey makes or registers a key that verifies users' tokens.
func (h *Hub) CreateSigningKey(ctx context.Context, r *weirpb.CreateSigningKeyRequest) (*weirpb.CreateSigningKeyResponse, error) {
	return nil, errUnavailable
}

// ListSigningKeys lists a tenant's signing keys, without secrets.
func (h *Hub) ListSigningKeys(ctx context.Context, r *weirpb.ListSigningKeysRequest) (*weirpb.ListSigningKeysResponse, error) {
	return nil, errUnavailable
}

// RevokeSigningKey makes the tokens signed with a key invalid.
func (h *Hub) RevokeSigningKey(ctx context.Context, r *weirpb.RevokeSigningKeyRequest) (*weirpb.RevokeSigningKeyResponse, error) {
	return nil, errUnavailable
}

// UploadFilter validates a module and stores it as the next version, the live one.
func (h *Hub) UploadFilter(ctx context.Context, r *weirpb.UploadFilterRequest) (*weirpb.FilterVersion, error) {
	return nil, errUnavailable
}

// ListFilters lists a tenant's filters at all versions.
func (h *Hub) ListFilters(ctx context.Context, r *weirpb.ListFiltersRequest) (*weirpb.ListFiltersResponse, error) {
	return nil, errUnavailable
}

// GetFilter describes one version of a filter, with its module if asked for.
func (h *Hub) GetFilter(ctx context.Context, r *weirpb.GetFilterRequest) (*weirpb.GetFilterResponse, error) {
	return nil, errUnavailable
}
