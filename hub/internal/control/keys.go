package control

import (
	"maps"
	"slices"

	"weir/proto/fault"
	"weir/proto/logpb"
	"weir/proto/weirpb"
)

// sortedIDs lists the ids of a tenant's API keys; of operators' for the empty name.
func sortedIDs(s *State, tenant string) []string {
	var ids []string
	for _, id := range slices.Sorted(maps.Keys(s.ApiKeys)) {
		if s.ApiKeys[id].GetApiKey().GetTenant() == tenant {
			ids = append(ids, id)
		}
	}
	return ids
}

// ApiKeysOf lists a tenant's API keys by id; the operators' for the empty name.
func (s *State) ApiKeysOf(tenant string) []*weirpb.ApiKey {
	var all []*weirpb.ApiKey
	for _, id := range sortedIDs(s, tenant) {
		all = append(all, s.ApiKeys[id].GetApiKey())
	}
	return all
}

func (ch *change) createApiKey(timeMs int64, r *logpb.ApiKeyRecord) (*change, *fault.Fault) {
	k := r.GetApiKey()
	if k.GetTenant() != "" && ch.next.Tenants[k.GetTenant()] == nil {
		return nil, UnknownTenant(k.GetTenant())
	}
	if len(sortedIDs(ch.next, k.GetTenant())) >= maxApiKeys {
		return nil, tooMany("API keys", maxApiKeys)
	}
	if ch.next.ApiKeys[k.GetId()] != nil {
		return refuse(fault.AlreadyExists, "there is an API key %q already", k.GetId())
	}
	made := &logpb.ApiKeyRecord{
		ApiKey: &weirpb.ApiKey{
			Tenant: k.GetTenant(), Id: k.GetId(), Description: k.GetDescription(), CreatedMs: timeMs,
		},
		SecretSha256: r.GetSecretSha256(),
	}
	ch.next.ApiKeys[k.GetId()] = made
	ch.store(key(kindApiKey, k.GetId()), made)
	ch.answer = made.ApiKey
	return ch, nil
}

func (ch *change) revokeApiKey(c *logpb.RevokeApiKey) (*change, *fault.Fault) {
	k := ch.next.ApiKeys[c.GetId()]
	if k == nil || k.GetApiKey().GetTenant() != c.GetTenant() {
		return nil, fault.New(fault.NotFound, "there is no API key %q", c.GetId()).WithHint("weir key list")
	}
	delete(ch.next.ApiKeys, c.GetId())
	ch.drop(key(kindApiKey, c.GetId()))
	return ch, nil
}

func (ch *change) createSigningKey(timeMs int64, k *weirpb.SigningKey) (*change, *fault.Fault) {
	t := ch.next.tenant(k.GetTenant())
	if t == nil {
		return nil, UnknownTenant(k.GetTenant())
	}
	if len(t.SigningKeys) >= maxSigningKeys {
		return nil, tooMany("signing keys", maxSigningKeys)
	}
	if t.SigningKeys[k.GetId()] != nil {
		return refuse(fault.AlreadyExists, "there is a signing key %q already", k.GetId())
	}
	made := &weirpb.SigningKey{
		Tenant: k.GetTenant(), Id: k.GetId(), Algorithm: k.GetAlgorithm(), Key: k.GetKey(), CreatedMs: timeMs,
	}
	t.SigningKeys[k.GetId()] = made
	ch.store(key(kindSigningKey, k.GetTenant(), k.GetId()), made)
	ch.put = append(ch.put, signingKeyRecord(made))
	ch.answer = made
	return ch, nil
}

func (ch *change) revokeSigningKey(c *logpb.RevokeSigningKey) (*change, *fault.Fault) {
	t := ch.next.tenant(c.GetTenant())
	if t == nil {
		return nil, UnknownTenant(c.GetTenant())
	}
	if t.SigningKeys[c.GetId()] == nil {
		return nil, fault.New(fault.NotFound, "there is no signing key %q", c.GetId()).WithHint("weir key signing list")
	}
	delete(t.SigningKeys, c.GetId())
	ch.drop(key(kindSigningKey, c.GetTenant(), c.GetId()))
	ch.delete = append(ch.delete, signingKeyRecord(&weirpb.SigningKey{Tenant: c.GetTenant(), Id: c.GetId()}))
	return ch, nil
}
