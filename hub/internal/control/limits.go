package control

import (
	"google.golang.org/protobuf/proto"

	"weir/proto/fault"
	"weir/proto/logpb"
	"weir/proto/weirpb"
)

// ModuleBytes returns the longest module that a tenant, or one that the filter itself, may have, whichever is less; most
// where neither says.
func (t *Tenant) ModuleBytes(filter string, most uint32) uint32 {
	limits := []*weirpb.FilterLimits{t.Limits(), t.FilterLimits(filter)}
	for _, l := range limits {
		if n := l.GetModuleBytes(); n != 0 {
			most = min(most, n)
		}
	}
	return most
}

// Limits returns what all filters of the tenant may use; nil, and fields of 0, for the defaults.
func (t *Tenant) Limits() *weirpb.FilterLimits { return t.Record.GetTenant().GetFilterLimits() }

// FilterLimits returns what one filter may use by its own limits; nil, and fields of 0: as the tenant's.
func (t *Tenant) FilterLimits(filter string) *weirpb.FilterLimits {
	if versions := t.Filters[filter]; len(versions) > 0 {
		return versions[0].GetLimits()
	}
	return nil
}

// setTenantLimits replaces what a tenant's filters may use.
func (ch *change) setTenantLimits(c *logpb.SetTenantLimits) (*change, *fault.Fault) {
	t := ch.next.tenant(c.GetTenant())
	if t == nil {
		return nil, noTenant(c.GetTenant())
	}
	t.Record = proto.CloneOf(t.Record)
	t.Record.Tenant.FilterLimits = c.GetLimits()
	ch.store(key(kindTenant, t.Name()), t.Record)
	ch.put = append(ch.put, tenantRecord(t.Record.GetTenant()))
	ch.answer = t.Record.GetTenant()
	return ch, nil
}

// setFilterLimits gives all versions of a filter the same limits. Those that come later take them over.
func (ch *change) setFilterLimits(c *logpb.SetFilterLimits) (*change, *fault.Fault) {
	versions, refused := ch.versions(c.GetTenant(), c.GetName())
	if refused != nil {
		return nil, refused
	}
	for i, v := range versions {
		v = proto.CloneOf(v)
		v.Limits = c.GetLimits()
		versions[i] = v
		ch.setVersion(v)
	}
	if ch.answer = c.GetLimits(); c.GetLimits() == nil {
		ch.answer = &weirpb.FilterLimits{}
	}
	return ch, nil
}
