package control

import (
	"slices"

	"weir/proto/fault"
	"weir/proto/logpb"
	"weir/proto/name"
	"weir/proto/weirpb"
)

// Bounds of the control state, which every edge holds in memory.
const (
	maxTenants     = 10_000
	maxNamespaces  = 1_000 // a tenant
	maxApiKeys     = 1_000 // a tenant, and as many for operators
	maxSigningKeys = 100   // a tenant
	maxFilters     = 1_000 // a tenant
	maxVersions    = 1_000 // a filter
)

func tooMany(what string, limit int) *fault.Fault {
	return fault.New(fault.InvalidArgument, "there are %d %s, as many as are allowed", limit, what)
}

// UnknownTenant is what anyone is told who names a tenant that there is not.
func UnknownTenant(called string) *fault.Fault {
	return fault.New(fault.TenantUnknown, "there is no tenant %q", called).WithHint("weir tenant create %s", called)
}

// noTenant is UnknownTenant for operators' requests that are about the tenant itself: to make it would be no help.
func noTenant(called string) *fault.Fault { return UnknownTenant(called).WithHint("weir tenant list") }

func (ch *change) createTenant(timeMs int64, c *logpb.CreateTenant) (*change, *fault.Fault) {
	s := ch.next
	if s.Tenants[c.GetName()] != nil {
		return refuse(fault.AlreadyExists, "there is a tenant %q already", c.GetName())
	}
	if len(s.Tenants) >= maxTenants {
		return nil, tooMany("tenants", maxTenants)
	}
	s.Meta.LastTenantId++
	t := newTenant(&logpb.TenantRecord{
		Tenant: &weirpb.Tenant{Name: c.GetName(), CreatedMs: timeMs},
		Id:     s.Meta.LastTenantId, Generation: s.Meta.Deletions,
	})
	s.put(t)
	ch.store(key(kindTenant, c.GetName()), t.Record)
	ch.put = append(ch.put, tenantRecord(t.Record.GetTenant()))
	ch.setNamespace(t, &weirpb.Namespace{
		Tenant: c.GetName(), Name: name.DefaultNamespace, Kind: weirpb.ChannelKind_CHANNEL_KIND_LOG, CreatedMs: timeMs,
	})
	ch.answer = t.Record.GetTenant()
	return ch, nil
}

// deleteTenant forgets a tenant. Its channels are on shards, each of which has to be told; until all have been, its id is
// listed in Dropping.
func (ch *change) deleteTenant(c *logpb.DeleteTenant) (*change, *fault.Fault) {
	s := ch.next
	t := s.Tenants[c.GetName()]
	if t == nil {
		return nil, noTenant(c.GetName())
	}
	s.remove(t)
	s.Meta.Deletions++
	s.Meta.Dropping = append(s.Meta.Dropping, t.ID())
	ch.drop(key(kindTenant, t.Name()))
	for _, kind := range []byte{kindNamespace, kindSigningKey, kindFilter} {
		ch.dropAll(append(key(kind, t.Name()), 0))
	}
	for _, id := range sortedIDs(s, t.Name()) {
		delete(s.ApiKeys, id)
		ch.drop(key(kindApiKey, id))
	}
	ch.delete = deletions(t)
	ch.dropUnreferenced(t)
	ch.answer = t
	return ch, nil
}

// deletions names all that edges have of a tenant.
func deletions(t *Tenant) []*weirpb.ControlRecord {
	var all []*weirpb.ControlRecord
	for _, n := range sorted(t.Namespaces) {
		all = append(all, namespaceRecord(&weirpb.Namespace{Tenant: n.GetTenant(), Name: n.GetName()}))
	}
	for _, k := range sorted(t.SigningKeys) {
		all = append(all, signingKeyRecord(&weirpb.SigningKey{Tenant: k.GetTenant(), Id: k.GetId()}))
	}
	for _, versions := range sorted(t.Filters) {
		for _, v := range versions {
			all = append(all, filterRecord(&weirpb.FilterVersion{Tenant: v.GetTenant(), Name: v.GetName(), Version: v.GetVersion()}))
		}
	}
	return append(all, tenantRecord(&weirpb.Tenant{Name: t.Name()}))
}

func (ch *change) tenantDropped(c *logpb.TenantDropped) (*change, *fault.Fault) {
	i := slices.Index(ch.next.Meta.Dropping, c.GetTenantId())
	if i < 0 {
		return ch, nil
	}
	ch.next.Meta.Dropping = slices.Delete(ch.next.Meta.Dropping, i, i+1)
	ch.store(key(kindMeta), ch.next.Meta)
	return ch, nil
}

func (ch *change) putNamespace(timeMs int64, c *logpb.PutNamespace) (*change, *fault.Fault) {
	n := c.GetNamespace()
	t := ch.next.tenant(n.GetTenant())
	if t == nil {
		return nil, UnknownTenant(n.GetTenant())
	}
	made := &weirpb.Namespace{
		Tenant: n.GetTenant(), Name: n.GetName(), Kind: n.GetKind(), WindowAgeMs: n.GetWindowAgeMs(),
		WindowBytes: n.GetWindowBytes(), WindowCount: n.GetWindowCount(), PayloadBytes: n.GetPayloadBytes(),
		Keys: n.GetKeys(), DedupeAgeMs: n.GetDedupeAgeMs(), OnFilterFailure: n.GetOnFilterFailure(), CreatedMs: timeMs,
	}
	switch old := t.Namespaces[n.GetName()]; {
	case old == nil:
		if len(t.Namespaces) >= maxNamespaces {
			return nil, tooMany("namespaces", maxNamespaces)
		}
		if made.Kind == weirpb.ChannelKind_CHANNEL_KIND_UNSPECIFIED {
			made.Kind = weirpb.ChannelKind_CHANNEL_KIND_LOG
		}
	case c.GetCreate():
		return nil, fault.New(fault.AlreadyExists, "the tenant has a namespace %q already", n.GetName()).
			WithHint("weir namespace set %s changes its settings", n.GetName())
	case made.Kind != old.GetKind() && made.Kind != weirpb.ChannelKind_CHANNEL_KIND_UNSPECIFIED:
		return refuse(fault.InvalidArgument, "the kind of namespace %q can't change", n.GetName())
	default:
		made.Kind, made.CreatedMs = old.GetKind(), old.GetCreatedMs()
	}
	ch.setNamespace(t, made)
	ch.answer = made
	return ch, nil
}

func (ch *change) setNamespace(t *Tenant, n *weirpb.Namespace) {
	t.setNamespace(n)
	ch.store(key(kindNamespace, n.GetTenant(), n.GetName()), n)
	ch.put = append(ch.put, namespaceRecord(n))
}
