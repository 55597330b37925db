package hub

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"weir/hub/internal/apikey"
	"weir/hub/internal/signingkey"
	"weir/proto/logpb"
	"weir/proto/weirpb"
)

// CreateSigningKey registers a public key, or makes a key and returns its private part, once.
func (h *Hub) CreateSigningKey(ctx context.Context, r *weirpb.CreateSigningKeyRequest) (*weirpb.CreateSigningKeyResponse, error) {
	key := &weirpb.SigningKey{
		Tenant: r.GetTenant(), Id: apikey.New().ID, Algorithm: cmp.Or(r.GetAlgorithm(), signingkey.EdDSA),
	}
	if err := signingkey.Check(key.Algorithm); err != nil {
		return nil, err
	}
	var private string
	var err error
	if len(r.GetPublicKey()) > 0 {
		key.Key, err = signingkey.ParsePublic(key.Algorithm, r.GetPublicKey())
	} else {
		key.Key, private, err = signingkey.Generate(key.Algorithm, key.Id)
	}
	if err != nil {
		return nil, err
	}
	made, err := change[weirpb.SigningKey](ctx, h, &logpb.ControlCommand{Command: &logpb.ControlCommand_CreateSigningKey{
		CreateSigningKey: &logpb.CreateSigningKey{Key: key},
	}})
	if err != nil {
		return nil, err
	}
	return &weirpb.CreateSigningKeyResponse{SigningKey: withoutSecret(made), PrivateJwk: private}, nil
}

// ListSigningKeys lists a tenant's signing keys by id, without the secrets of HS256 keys.
func (h *Hub) ListSigningKeys(_ context.Context, r *weirpb.ListSigningKeysRequest) (*weirpb.ListSigningKeysResponse, error) {
	t, err := h.tenant(r.GetTenant())
	if err != nil {
		return nil, err
	}
	response := &weirpb.ListSigningKeysResponse{}
	for _, k := range t.SigningKeys {
		response.SigningKeys = append(response.SigningKeys, withoutSecret(k))
	}
	slices.SortFunc(response.SigningKeys, func(a, b *weirpb.SigningKey) int {
		return strings.Compare(a.GetId(), b.GetId())
	})
	return response, nil
}

// RevokeSigningKey makes the tokens invalid that are signed with a key.
func (h *Hub) RevokeSigningKey(ctx context.Context, r *weirpb.RevokeSigningKeyRequest) (*weirpb.RevokeSigningKeyResponse, error) {
	_, err := change[weirpb.SigningKey](ctx, h, &logpb.ControlCommand{Command: &logpb.ControlCommand_RevokeSigningKey{
		RevokeSigningKey: &logpb.RevokeSigningKey{Tenant: r.GetTenant(), Id: r.GetId()},
	}})
	if err != nil {
		return nil, err
	}
	return &weirpb.RevokeSigningKeyResponse{}, nil
}

func withoutSecret(k *weirpb.SigningKey) *weirpb.SigningKey {
	if k.GetAlgorithm() != signingkey.HS256 {
		return k
	}
	k = proto.CloneOf(k)
	k.Key = nil
	return k
}
