// Package control is the replicated control state: tenants, namespaces, API keys, signing keys, and filters with their
// modules. Each command makes a new State from the one before by a pure function; readers hold whichever they have got.
package control

import (
	"maps"
	"slices"

	"weir/proto/logpb"
	"weir/proto/name"
	"weir/proto/weirpb"
)

// A Digest is the SHA-256 of a module.
type Digest [32]byte

// A State is the control state at one index. Nothing in it is ever changed; nor may readers change anything.
type State struct {
	Meta    *logpb.ControlMeta
	Tenants map[string]*Tenant
	// ApiKeys are by id, over all tenants and operators.
	ApiKeys map[string]*logpb.ApiKeyRecord
	Modules map[Digest]*logpb.ModuleRecord
	// Nodes are the region's, by name.
	Nodes map[string]*logpb.NodeRecord
	// byID leads from a tenant's id to it.
	byID map[uint64]*Tenant
}

// A Tenant is what there is of one tenant.
type Tenant struct {
	Record     *logpb.TenantRecord
	Namespaces map[string]*weirpb.Namespace
	// Settings are what shards need to know of each namespace.
	Settings    map[string]*logpb.Settings
	SigningKeys map[string]*weirpb.SigningKey
	// Filters are all versions of each, by number; version n is at n-1.
	Filters map[string][]*weirpb.FilterVersion
}

// Empty returns the state before the first command.
func Empty() *State {
	return &State{
		Meta: &logpb.ControlMeta{}, Tenants: map[string]*Tenant{}, ApiKeys: map[string]*logpb.ApiKeyRecord{},
		Modules: map[Digest]*logpb.ModuleRecord{}, Nodes: map[string]*logpb.NodeRecord{}, byID: map[uint64]*Tenant{},
	}
}

func newTenant(r *logpb.TenantRecord) *Tenant {
	return &Tenant{
		Record: r, Namespaces: map[string]*weirpb.Namespace{}, Settings: map[string]*logpb.Settings{},
		SigningKeys: map[string]*weirpb.SigningKey{}, Filters: map[string][]*weirpb.FilterVersion{},
	}
}

// ID returns the tenant's id, which no other tenant ever has.
func (t *Tenant) ID() uint64 { return t.Record.GetId() }

// Name returns the tenant's name.
func (t *Tenant) Name() string { return t.Record.GetTenant().GetName() }

// NamespaceOf returns the namespace that a valid channel name is in, nil where there is none of that name.
func (t *Tenant) NamespaceOf(channel string) (namespace *weirpb.Namespace, called string) {
	called = name.NamespaceOf(channel, func(n string) bool { return t.Namespaces[n] != nil })
	return t.Namespaces[called], called
}

func (t *Tenant) setNamespace(n *weirpb.Namespace) {
	t.Namespaces[n.GetName()] = n
	t.Settings[n.GetName()] = settingsOf(t.Record, n)
}

// TenantByID returns the tenant with this id, nil if it has been deleted.
func (s *State) TenantByID(id uint64) *Tenant { return s.byID[id] }

// Live returns the version that subscriptions get which name none, nil for an unknown filter.
func (t *Tenant) Live(filter string) *weirpb.FilterVersion {
	versions := t.Filters[filter]
	if i := slices.IndexFunc(versions, (*weirpb.FilterVersion).GetLive); i >= 0 {
		return versions[i]
	}
	return nil
}

// clone returns a copy whose top-level maps may be changed.
func (s *State) clone() *State {
	return &State{
		Meta: cloneMeta(s.Meta), Tenants: maps.Clone(s.Tenants), ApiKeys: maps.Clone(s.ApiKeys),
		Modules: maps.Clone(s.Modules), Nodes: maps.Clone(s.Nodes), byID: maps.Clone(s.byID),
	}
}

func cloneMeta(m *logpb.ControlMeta) *logpb.ControlMeta {
	return &logpb.ControlMeta{
		Initialised: m.Initialised, LastTenantId: m.LastTenantId, Deletions: m.Deletions,
		Dropping: slices.Clone(m.Dropping), Index: m.Index, Region: m.Region, Shards: m.Shards,
	}
}

// tenant returns a copy of a tenant whose maps may be changed, in its place, nil if there is none.
func (s *State) tenant(called string) *Tenant {
	t := s.Tenants[called]
	if t == nil {
		return nil
	}
	c := &Tenant{
		Record: t.Record, Namespaces: maps.Clone(t.Namespaces), Settings: maps.Clone(t.Settings),
		SigningKeys: maps.Clone(t.SigningKeys), Filters: maps.Clone(t.Filters),
	}
	s.put(c)
	return c
}

func (s *State) put(t *Tenant) {
	s.Tenants[t.Name()] = t
	s.byID[t.ID()] = t
}

func (s *State) remove(t *Tenant) {
	delete(s.Tenants, t.Name())
	delete(s.byID, t.ID())
}

// Records lists what edges mirror, in a stable order.
func (s *State) Records() []*weirpb.ControlRecord {
	var all []*weirpb.ControlRecord
	for _, called := range slices.Sorted(maps.Keys(s.Tenants)) {
		t := s.Tenants[called]
		all = append(all, tenantRecord(t.Record.GetTenant()))
		for _, n := range sorted(t.Namespaces) {
			all = append(all, namespaceRecord(n))
		}
		for _, k := range sorted(t.SigningKeys) {
			all = append(all, signingKeyRecord(k))
		}
		for _, versions := range sorted(t.Filters) {
			for _, v := range versions {
				all = append(all, filterRecord(v))
			}
		}
	}
	return all
}

func sorted[V any](m map[string]V) []V {
	all := make([]V, 0, len(m))
	for _, k := range slices.Sorted(maps.Keys(m)) {
		all = append(all, m[k])
	}
	return all
}

func tenantRecord(t *weirpb.Tenant) *weirpb.ControlRecord {
	return &weirpb.ControlRecord{Record: &weirpb.ControlRecord_Tenant{Tenant: t}}
}

func namespaceRecord(n *weirpb.Namespace) *weirpb.ControlRecord {
	return &weirpb.ControlRecord{Record: &weirpb.ControlRecord_Namespace{Namespace: n}}
}

func signingKeyRecord(k *weirpb.SigningKey) *weirpb.ControlRecord {
	return &weirpb.ControlRecord{Record: &weirpb.ControlRecord_SigningKey{SigningKey: k}}
}

func filterRecord(v *weirpb.FilterVersion) *weirpb.ControlRecord {
	return &weirpb.ControlRecord{Record: &weirpb.ControlRecord_FilterVersion{FilterVersion: v}}
}
