package hub

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"weir/hub/internal/apikey"
	"weir/hub/internal/datadir"
	"weir/proto/fault"
	"weir/proto/logpb"
	"weir/proto/weirpb"
)

// adminKeyFile has the operator's key that the first start makes.
const adminKeyFile = "admin.key"

// maxDescription of an API key, in bytes.
const maxDescription = 256

// A Principal is who an API key belongs to.
type Principal struct {
	// Operator is true for a key that acts on all tenants; Tenant is empty then.
	Operator bool
	Tenant   string
	KeyID    string
}

// Authenticate returns whom an API key belongs to. The error does not tell unknown ids from wrong secrets.
func (h *Hub) Authenticate(key string) (Principal, error) {
	starting := h.status.check()
	if starting != nil && (h.status.get().failed != nil || !h.status.takes()) {
		return Principal{}, starting
	}
	k, err := apikey.Parse(key)
	if err != nil {
		return Principal{}, err
	}
	look := func() (Principal, error) {
		r := h.control.State().ApiKeys[k.ID]
		if !k.Matches(r.GetSecretSha256()) || r == nil {
			return Principal{}, fault.New(fault.Unauthenticated, "the API key is unknown or revoked")
		}
		tenant := r.GetApiKey().GetTenant()
		return Principal{Operator: tenant == "", Tenant: tenant, KeyID: k.ID}, nil
	}
	if starting == nil {
		if p, err := look(); err == nil || h.control.State().ApiKeys[k.ID] != nil {
			return p, err // a wrong secret is wrong wherever its id was made
		}
		return sure(h.ctx, h, look)
	}
	// An operator must be able to ask a node that can't catch up, because a majority is lost, and to recover the group. It
	// does nothing else in this state.
	if p, err := look(); err == nil && p.Operator {
		return p, nil
	}
	return Principal{}, starting
}

// rootKey returns the record of the key in admin.key, which it makes if it is missing. The file comes before the record:
// were it the other way round, a crash between would leave a region that nobody can operate.
func (h *Hub) rootKey() (*logpb.ApiKeyRecord, error) {
	name := filepath.Join(h.dir.Path, adminKeyFile)
	content, err := os.ReadFile(name)
	var key apikey.Key
	switch {
	case errors.Is(err, os.ErrNotExist):
		key = apikey.New()
		if err := datadir.WriteFile(name, []byte(key.String()+"\n"), 0o600); err != nil {
			return nil, fmt.Errorf("write the operator's key: %w", err)
		}
		h.log.Info("made the operator's key", "file", name, "id", key.ID)
	case err != nil:
		return nil, fmt.Errorf("read the operator's key: %w", err)
	default:
		if key, err = apikey.Parse(strings.TrimSpace(string(content))); err != nil {
			return nil, fmt.Errorf("read the operator's key from %s: %w", name, err)
		}
	}
	return &logpb.ApiKeyRecord{
		ApiKey: &weirpb.ApiKey{
			Id: key.ID, Description: "made by the first start", CreatedMs: h.config.Now().UnixMilli(),
		},
		SecretSha256: key.Hash(),
	}, nil
}

// CreateApiKey makes an API key; its secret, the whole key as it is to be sent, is in the answer and nowhere else.
func (h *Hub) CreateApiKey(ctx context.Context, r *weirpb.CreateApiKeyRequest) (*weirpb.CreateApiKeyResponse, error) {
	if len(r.GetDescription()) > maxDescription || !utf8.ValidString(r.GetDescription()) {
		return nil, fault.New(fault.InvalidArgument, "the description is not UTF-8 of at most %d bytes", maxDescription)
	}
	key := apikey.New()
	made, err := change[weirpb.ApiKey](ctx, h, &logpb.ControlCommand{Command: &logpb.ControlCommand_CreateApiKey{
		CreateApiKey: &logpb.CreateApiKey{Record: &logpb.ApiKeyRecord{
			ApiKey:       &weirpb.ApiKey{Tenant: r.GetTenant(), Id: key.ID, Description: r.GetDescription()},
			SecretSha256: key.Hash(),
		}},
	}})
	if err != nil {
		return nil, err
	}
	return &weirpb.CreateApiKeyResponse{ApiKey: made, Secret: key.String()}, nil
}

// ListApiKeys lists a tenant's API keys, or the operators' where tenant is empty.
func (h *Hub) ListApiKeys(_ context.Context, r *weirpb.ListApiKeysRequest) (*weirpb.ListApiKeysResponse, error) {
	if r.GetTenant() != "" {
		if _, err := h.tenant(r.GetTenant()); err != nil {
			return nil, err
		}
	}
	if err := h.status.check(); err != nil {
		return nil, err
	}
	return &weirpb.ListApiKeysResponse{ApiKeys: h.control.State().ApiKeysOf(r.GetTenant())}, nil
}

// RevokeApiKey makes an API key useless.
func (h *Hub) RevokeApiKey(ctx context.Context, r *weirpb.RevokeApiKeyRequest) (*weirpb.RevokeApiKeyResponse, error) {
	_, err := change[weirpb.ApiKey](ctx, h, &logpb.ControlCommand{Command: &logpb.ControlCommand_RevokeApiKey{
		RevokeApiKey: &logpb.RevokeApiKey{Tenant: r.GetTenant(), Id: r.GetId()},
	}})
	if err != nil {
		return nil, err
	}
	return &weirpb.RevokeApiKeyResponse{}, nil
}
