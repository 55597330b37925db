// Package mirror is what an edge knows of its region's control state: tenants, namespaces, signing keys and filters. It
// is followed from the hub and kept as immutable snapshots; filter modules are fetched when they are first needed.
package mirror

import (
	"maps"

	"weir/proto/fault"
	"weir/proto/name"
	"weir/proto/weirpb"
)

// A State is the control state at an index. It never changes; nor may what it returns be changed. The zero value is an
// empty one.
type State struct {
	Index   uint64
	tenants map[string]*tenant
}

type tenant struct {
	limits     *weirpb.FilterLimits
	namespaces map[string]*weirpb.Namespace
	keys       map[string]*weirpb.SigningKey
	filters    map[string]*filter
	// decides is the index of the last update that changed filters or namespaces, which are what terms follow from.
	decides uint64
}

// A filter is all versions of one.
type filter struct {
	versions             map[uint32]*weirpb.FilterVersion
	live, canary, shadow *weirpb.FilterVersion // nil if none is
}

// newest returns the highest version's number.
func (f *filter) newest() (number uint32) {
	for n := range f.versions {
		number = max(number, n)
	}
	return number
}

// HasTenant reports whether there is such a tenant.
func (s *State) HasTenant(name string) bool { return s.tenants[name] != nil }

// TenantLimits returns what a tenant's filters may use. Nil, and fields of 0, are the default.
func (s *State) TenantLimits(tenantName string) *weirpb.FilterLimits {
	if t := s.tenants[tenantName]; t != nil {
		return t.limits
	}
	return nil
}

// FilterLimits returns what one filter may use, whatever its tenant may. Nil, and fields of 0, are no limit of its own.
func (s *State) FilterLimits(tenantName, filterName string) *weirpb.FilterLimits {
	t := s.tenants[tenantName]
	if t == nil || t.filters[filterName] == nil {
		return nil
	}
	for _, v := range t.filters[filterName].versions {
		return v.GetLimits() // the same for all
	}
	return nil
}

// HasFilter reports whether a tenant has a filter, live or not.
func (s *State) HasFilter(tenantName, filterName string) bool {
	t := s.tenants[tenantName]
	return t != nil && t.filters[filterName] != nil
}

// SigningKey returns a tenant's signing key, nil if there is none with this id.
func (s *State) SigningKey(tenantName, id string) *weirpb.SigningKey {
	if t := s.tenants[tenantName]; t != nil {
		return t.keys[id]
	}
	return nil
}

// Namespace returns the namespace that a channel, whose name is valid, is in. The fault is tenant_unknown or
// namespace_unknown.
func (s *State) Namespace(tenantName, channel string) (*weirpb.Namespace, *fault.Fault) {
	t := s.tenants[tenantName]
	if t == nil {
		return nil, fault.New(fault.TenantUnknown, "the tenant %q does not exist", tenantName)
	}
	in := name.NamespaceOf(channel, func(namespace string) bool { return t.namespaces[namespace] != nil })
	if n := t.namespaces[in]; n != nil {
		return n, nil
	}
	return nil, fault.New(fault.NamespaceUnknown, "the channel %q is in the namespace %q, which does not exist", channel, in).
		WithHint("weir namespace create %s", in)
}

// FilterVersion returns a version of a tenant's filter, the live one for 0. The fault is filter_unknown.
func (s *State) FilterVersion(tenantName, filterName string, version uint32) (*weirpb.FilterVersion, *fault.Fault) {
	var f *filter
	if t := s.tenants[tenantName]; t != nil {
		f = t.filters[filterName]
	}
	if f == nil {
		return nil, fault.New(fault.FilterUnknown, "there is no filter of this name").WithHint("weir filter list")
	}
	v := f.live
	if version != 0 {
		v = f.versions[version]
	}
	if v == nil && version == 0 {
		return nil, fault.New(fault.FilterUnknown, "no version of the filter %q is live", filterName).
			WithHint("weir filter promote %s@%d", filterName, f.newest())
	}
	if v == nil {
		return nil, fault.New(fault.FilterUnknown, "the filter %q has no version %d", filterName, version).
			WithHint("leave the version out to get the live one")
	}
	return v, nil
}

// LiveAt returns the version of a tenant's filter that was live at a time, in milliseconds since the Unix epoch. A time at which
// one replaced another is the later one's. The fault is filter_unknown.
func (s *State) LiveAt(tenantName, filterName string, timeMs int64) (*weirpb.FilterVersion, *fault.Fault) {
	var f *filter
	if t := s.tenants[tenantName]; t != nil {
		f = t.filters[filterName]
	}
	if f == nil {
		return nil, fault.New(fault.FilterUnknown, "there is no filter of this name").WithHint("weir filter list")
	}
	for _, v := range f.versions {
		for _, span := range v.GetLiveSpans() {
			if span.GetFromMs() <= timeMs && (span.GetUntilMs() == 0 || timeMs < span.GetUntilMs()) {
				return v, nil
			}
		}
	}
	if f.live != nil && len(f.live.GetLiveSpans()) == 0 {
		return f.live, nil // stored before that was kept
	}
	return nil, fault.New(fault.FilterUnknown, "no version of the filter %q was live then, as far as is remembered", filterName).
		WithHint("weir filter list")
}

// Trials returns the versions of a filter that are being tried beside the live one, nil where none is.
func (s *State) Trials(tenantName, filterName string) (canary, shadow *weirpb.FilterVersion) {
	if t := s.tenants[tenantName]; t != nil && t.filters[filterName] != nil {
		return t.filters[filterName].canary, t.filters[filterName].shadow
	}
	return nil, nil
}

// Decides returns a number that changes when a tenant's filters or namespaces do.
func (s *State) Decides(tenantName string) uint64 {
	if t := s.tenants[tenantName]; t != nil {
		return t.decides
	}
	return 0
}

// Before returns the version that was good before v, nil if there is none: the one that v replaced, or for one that has
// never replaced any the latest before it.
func (s *State) Before(v *weirpb.FilterVersion) *weirpb.FilterVersion {
	t := s.tenants[v.GetTenant()]
	if t == nil || t.filters[v.GetName()] == nil {
		return nil
	}
	versions := t.filters[v.GetName()].versions
	if before := versions[v.GetReplaced()]; before != nil {
		return before
	}
	for number := v.GetVersion() - 1; number > 0; number-- {
		if before := versions[number]; before != nil && before.GetRole() != weirpb.FilterRole_FILTER_ROLE_PUSHED {
			return before
		}
	}
	return nil
}

// hasVersion reports whether v is still a version of its filter, with the same module.
func (s *State) hasVersion(v *weirpb.FilterVersion) bool {
	known, f := s.FilterVersion(v.GetTenant(), v.GetName(), v.GetVersion())
	return f == nil && string(known.GetDigest()) == string(v.GetDigest())
}

// apply returns the state after an update.
func (s *State) apply(u *weirpb.ControlUpdate) *State {
	if !u.GetReset_() && len(u.GetPut())+len(u.GetDelete()) == 0 {
		return &State{Index: u.GetIndex(), tenants: s.tenants} // what has changed is not for edges
	}
	e := editor{state: &State{Index: u.GetIndex(), tenants: make(map[string]*tenant)}, own: make(map[*tenant]bool)}
	if !u.GetReset_() {
		maps.Copy(e.state.tenants, s.tenants)
	}
	for _, r := range u.GetPut() {
		e.put(r)
	}
	for _, r := range u.GetDelete() {
		e.drop(r)
	}
	return e.state
}

// An editor changes a copy of a state, of which it copies what it changes.
type editor struct {
	state *State
	own   map[*tenant]bool // tenants that are no part of an earlier state
}

// tenant returns a tenant to change, made if need be: records may come in any order.
func (e *editor) tenant(tenantName string) *tenant {
	t := e.state.tenants[tenantName]
	switch {
	case t == nil:
		t = &tenant{
			namespaces: make(map[string]*weirpb.Namespace),
			keys:       make(map[string]*weirpb.SigningKey),
			filters:    make(map[string]*filter),
		}
	case e.own[t]:
		return t
	default:
		t = &tenant{
			limits: t.limits, namespaces: maps.Clone(t.namespaces), keys: maps.Clone(t.keys), filters: maps.Clone(t.filters), decides: t.decides,
		}
	}
	e.own[t] = true
	e.state.tenants[tenantName] = t
	return t
}

func (e *editor) put(r *weirpb.ControlRecord) {
	switch r := r.GetRecord().(type) {
	case *weirpb.ControlRecord_Tenant:
		e.tenant(r.Tenant.GetName()).limits = r.Tenant.GetFilterLimits()
	case *weirpb.ControlRecord_Namespace:
		t := e.tenant(r.Namespace.GetTenant())
		t.namespaces[r.Namespace.GetName()], t.decides = r.Namespace, e.state.Index
	case *weirpb.ControlRecord_SigningKey:
		e.tenant(r.SigningKey.GetTenant()).keys[r.SigningKey.GetId()] = r.SigningKey
	case *weirpb.ControlRecord_FilterVersion:
		v := r.FilterVersion
		e.filter(v, func(versions map[uint32]*weirpb.FilterVersion) { versions[v.GetVersion()] = v })
	}
}

func (e *editor) drop(r *weirpb.ControlRecord) {
	switch r := r.GetRecord().(type) {
	case *weirpb.ControlRecord_Tenant:
		delete(e.state.tenants, r.Tenant.GetName())
	case *weirpb.ControlRecord_Namespace:
		if e.state.HasTenant(r.Namespace.GetTenant()) {
			delete(e.tenant(r.Namespace.GetTenant()).namespaces, r.Namespace.GetName())
		}
	case *weirpb.ControlRecord_SigningKey:
		if e.state.HasTenant(r.SigningKey.GetTenant()) {
			delete(e.tenant(r.SigningKey.GetTenant()).keys, r.SigningKey.GetId())
		}
	case *weirpb.ControlRecord_FilterVersion:
		v := r.FilterVersion
		if e.state.HasTenant(v.GetTenant()) {
			e.filter(v, func(versions map[uint32]*weirpb.FilterVersion) { delete(versions, v.GetVersion()) })
		}
	}
}

// filter changes the versions of v's filter.
func (e *editor) filter(v *weirpb.FilterVersion, change func(map[uint32]*weirpb.FilterVersion)) {
	t := e.tenant(v.GetTenant())
	t.decides = e.state.Index
	f := &filter{versions: make(map[uint32]*weirpb.FilterVersion)}
	if old := t.filters[v.GetName()]; old != nil {
		maps.Copy(f.versions, old.versions)
	}
	change(f.versions)
	for _, version := range f.versions {
		if version.GetLive() {
			f.live = latest(f.live, version)
		}
		switch version.GetRole() {
		case weirpb.FilterRole_FILTER_ROLE_CANARY:
			f.canary = latest(f.canary, version)
		case weirpb.FilterRole_FILTER_ROLE_SHADOW:
			f.shadow = latest(f.shadow, version)
		}
	}
	if t.filters[v.GetName()] = f; len(f.versions) == 0 {
		delete(t.filters, v.GetName())
	}
}

// latest returns the version that was given its role last: the record of the other is about to change.
func latest(a, b *weirpb.FilterVersion) *weirpb.FilterVersion {
	if a == nil || b.GetRoleSinceMs() > a.GetRoleSinceMs() || b.GetRoleSinceMs() == a.GetRoleSinceMs() && b.GetVersion() > a.GetVersion() {
		return b
	}
	return a
}
