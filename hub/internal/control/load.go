package control

import (
	"google.golang.org/protobuf/proto"

	"weir/hub/internal/store"
	"weir/proto/logpb"
	"weir/proto/weirpb"
)

// load reads the whole state, tenants before what belongs to them.
func load(s *store.Store) (*State, error) {
	state := Empty()
	err := s.View(func(r store.Reader) error {
		if _, err := r.GetMessage(key(kindMeta), state.Meta); err != nil {
			return err
		}
		for _, read := range []func(store.Reader, *State) error{
			loadTenants, loadNamespaces, loadSigningKeys, loadFilters, loadApiKeys, loadModules, loadNodes,
		} {
			if err := read(r, state); err != nil {
				return err
			}
		}
		return nil
	})
	return state, err
}

// rows calls add with each row of a kind, decoded.
func rows[M proto.Message](r store.Reader, kind byte, add func(key []byte, m M) error) error {
	prefix := key(kind)
	return r.Scan(prefix, store.After(prefix), func(k, body []byte) (bool, error) {
		var zero M
		m := zero.ProtoReflect().New().Interface().(M)
		if err := store.Unmarshal(k, body, m); err != nil {
			return false, err
		}
		return true, add(k, m)
	})
}

func loadTenants(r store.Reader, s *State) error {
	return rows(r, kindTenant, func(_ []byte, m *logpb.TenantRecord) error {
		s.put(newTenant(m))
		return nil
	})
}

// owner returns the tenant that a row belongs to.
func owner(s *State, key []byte, tenant string) (*Tenant, error) {
	if t := s.Tenants[tenant]; t != nil {
		return t, nil
	}
	return nil, &store.CorruptError{Key: append([]byte(nil), key...), Reason: "there is no such tenant"}
}

func loadNamespaces(r store.Reader, s *State) error {
	return rows(r, kindNamespace, func(k []byte, m *weirpb.Namespace) error {
		t, err := owner(s, k, m.GetTenant())
		if err == nil {
			t.setNamespace(m)
		}
		return err
	})
}

func loadSigningKeys(r store.Reader, s *State) error {
	return rows(r, kindSigningKey, func(k []byte, m *weirpb.SigningKey) error {
		t, err := owner(s, k, m.GetTenant())
		if err == nil {
			t.SigningKeys[m.GetId()] = m
		}
		return err
	})
}

func loadFilters(r store.Reader, s *State) error {
	return rows(r, kindFilter, func(k []byte, m *weirpb.FilterVersion) error {
		t, err := owner(s, k, m.GetTenant())
		if err == nil {
			t.Filters[m.GetName()] = append(t.Filters[m.GetName()], m)
		}
		return err
	})
}

func loadApiKeys(r store.Reader, s *State) error {
	return rows(r, kindApiKey, func(_ []byte, m *logpb.ApiKeyRecord) error {
		s.ApiKeys[m.GetApiKey().GetId()] = m
		return nil
	})
}

func loadNodes(r store.Reader, s *State) error {
	return rows(r, kindNode, func(_ []byte, m *logpb.NodeRecord) error {
		s.Nodes[m.GetId()] = m
		return nil
	})
}

func loadModules(r store.Reader, s *State) error {
	return rows(r, kindModule, func(k []byte, m *logpb.ModuleRecord) error {
		d, ok := digestOf(m.GetDigest())
		if !ok {
			return &store.CorruptError{Key: append([]byte(nil), k...), Reason: "it has no digest"}
		}
		s.Modules[d] = m
		return nil
	})
}
