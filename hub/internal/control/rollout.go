package control

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"weir/proto/fault"
	"weir/proto/logpb"
	"weir/proto/weirpb"
)

// maxSpans is how many times of having been live a version remembers: who goes back and forth more often is asked about the
// latest. Every edge holds them in memory.
const maxSpans = 16

// unknownVersion is what anyone is told who names a version that a filter has not, or none where none can be meant.
func unknownVersion(filter string, version uint32) *fault.Fault {
	if version == 0 {
		return fault.New(fault.FilterUnknown, "the filter %.64q has no version that can be meant", filter).WithHint("weir filter list")
	}
	return fault.New(fault.FilterUnknown, "the filter %.64q has no version %d", filter, version).WithHint("weir filter list")
}

// versions returns a filter's versions, which may be replaced but not changed, within a tenant that may be changed.
func (ch *change) versions(tenant, filter string) ([]*weirpb.FilterVersion, *fault.Fault) {
	t := ch.next.tenant(tenant)
	if t == nil {
		return nil, UnknownTenant(tenant)
	}
	if len(t.Filters[filter]) == 0 {
		return nil, fault.New(fault.FilterUnknown, "the tenant has no filter %.64q", filter).WithHint("weir filter list")
	}
	t.Filters[filter] = slices.Clone(t.Filters[filter])
	return t.Filters[filter], nil
}

// numbered returns the version with a number, nil if there is none.
func numbered(versions []*weirpb.FilterVersion, n uint32) *weirpb.FilterVersion {
	if n == 0 || int64(n) > int64(len(versions)) {
		return nil
	}
	return versions[n-1]
}

func withRole(versions []*weirpb.FilterVersion, role weirpb.FilterRole) *weirpb.FilterVersion {
	for _, v := range versions {
		if v.GetRole() == role {
			return v
		}
	}
	return nil
}

func liveOf(versions []*weirpb.FilterVersion) *weirpb.FilterVersion {
	if i := slices.IndexFunc(versions, (*weirpb.FilterVersion).GetLive); i >= 0 {
		return versions[i]
	}
	return nil
}

// edit replaces a version by a copy of it, changed, which has its times as they are known.
func (ch *change) edit(versions []*weirpb.FilterVersion, n uint32, change func(v *weirpb.FilterVersion)) *weirpb.FilterVersion {
	v := proto.CloneOf(versions[n-1])
	v.LiveSpans = spansOf(versions, v)
	change(v)
	versions[n-1] = v
	ch.setVersion(v)
	return v
}

// rest is the role of a version that is used for nothing.
func rest(v *weirpb.FilterVersion) weirpb.FilterRole {
	if len(v.GetLiveSpans()) > 0 {
		return weirpb.FilterRole_FILTER_ROLE_SUPERSEDED
	}
	return weirpb.FilterRole_FILTER_ROLE_PUSHED
}

func setRole(v *weirpb.FilterVersion, role weirpb.FilterRole, timeMs int64) {
	v.Role, v.RoleSinceMs, v.CanaryPercent = role, timeMs, 0
	v.Live = role == weirpb.FilterRole_FILTER_ROLE_LIVE
}

// goLive makes version n live instead of the one that is, and returns it.
func (ch *change) goLive(versions []*weirpb.FilterVersion, n uint32, timeMs int64) *weirpb.FilterVersion {
	old := ch.retire(versions, timeMs)
	return ch.edit(versions, n, func(v *weirpb.FilterVersion) {
		v.Replaced = old
		becomeLive(v, timeMs)
	})
}

// retire ends the time of the version that is live, and returns its number, 0 if there is none.
func (ch *change) retire(versions []*weirpb.FilterVersion, timeMs int64) uint32 {
	live := liveOf(versions)
	if live == nil {
		return 0
	}
	ch.edit(versions, live.GetVersion(), func(v *weirpb.FilterVersion) {
		last := proto.CloneOf(v.LiveSpans[len(v.LiveSpans)-1])
		last.UntilMs = timeMs
		v.LiveSpans[len(v.LiveSpans)-1] = last
		setRole(v, weirpb.FilterRole_FILTER_ROLE_SUPERSEDED, timeMs)
	})
	return live.GetVersion()
}

func becomeLive(v *weirpb.FilterVersion, timeMs int64) {
	setRole(v, weirpb.FilterRole_FILTER_ROLE_LIVE, timeMs)
	v.LiveSpans = append(v.LiveSpans, &weirpb.LiveSpan{FromMs: timeMs})
	if extra := len(v.LiveSpans) - maxSpans; extra > 0 {
		v.LiveSpans = v.LiveSpans[extra:]
	}
}

// spansOf returns when a version was live, in a slice of its own. A version stored before that was kept was live from the
// beginning to the next version's.
func spansOf(versions []*weirpb.FilterVersion, v *weirpb.FilterVersion) []*weirpb.LiveSpan {
	if len(v.GetLiveSpans()) > 0 || v.GetRole() != weirpb.FilterRole_FILTER_ROLE_UNSPECIFIED {
		return slices.Clone(v.GetLiveSpans())
	}
	span := &weirpb.LiveSpan{FromMs: v.GetCreatedMs()}
	if next := numbered(versions, v.GetVersion()+1); next != nil && !v.GetLive() {
		span.UntilMs = next.GetCreatedMs()
	}
	return []*weirpb.LiveSpan{span}
}

// LiveAt returns the version of a filter that was live at a time, nil if none was or that is forgotten. A time at which one
// replaced another is the later one's.
func (t *Tenant) LiveAt(filter string, timeMs int64) *weirpb.FilterVersion {
	versions := t.Filters[filter]
	for _, v := range versions {
		for _, s := range spansOf(versions, v) {
			if s.GetFromMs() <= timeMs && (s.GetUntilMs() == 0 || timeMs < s.GetUntilMs()) {
				return v
			}
		}
	}
	return nil
}

func (ch *change) setRollout(timeMs int64, c *logpb.SetRollout) (*change, *fault.Fault) {
	versions, f := ch.versions(c.GetTenant(), c.GetName())
	if f != nil {
		return nil, f
	}
	v := numbered(versions, c.GetVersion())
	if c.GetVersion() == 0 {
		v = newestNotLive(versions)
	}
	role := c.GetRole()
	switch {
	case v == nil:
		return nil, unknownVersion(c.GetName(), c.GetVersion())
	case v.GetLive():
		return refuse(fault.InvalidArgument, "version %d of the filter %q is live: there is nothing to try", v.GetVersion(), c.GetName())
	case role == weirpb.FilterRole_FILTER_ROLE_UNSPECIFIED:
		return ch.endTrial(timeMs, versions, v, c)
	case liveOf(versions) == nil:
		return refuse(fault.InvalidArgument, "no version of the filter %q is live that another could be tried beside", c.GetName())
	case v.GetRole() == role && v.GetCanaryPercent() == c.GetCanaryPercent():
		ch.answer = v
		return ch, nil
	}
	if other := withRole(versions, role); other != nil && other != v {
		ch.edit(versions, other.GetVersion(), func(v *weirpb.FilterVersion) { setRole(v, rest(v), timeMs) })
	}
	ch.answer = ch.edit(versions, v.GetVersion(), func(v *weirpb.FilterVersion) {
		setRole(v, role, timeMs)
		v.CanaryPercent = c.GetCanaryPercent()
	})
	return ch, nil
}

// endTrial takes from a version its role of shadow or canary.
func (ch *change) endTrial(timeMs int64, versions []*weirpb.FilterVersion, v *weirpb.FilterVersion, c *logpb.SetRollout) (*change, *fault.Fault) {
	tried := v.GetRole() == weirpb.FilterRole_FILTER_ROLE_CANARY || v.GetRole() == weirpb.FilterRole_FILTER_ROLE_SHADOW
	if !tried || c.GetSinceMs() != 0 && c.GetSinceMs() != v.GetRoleSinceMs() {
		ch.answer = v
		return ch, nil
	}
	ch.answer = ch.edit(versions, v.GetVersion(), func(v *weirpb.FilterVersion) { setRole(v, rest(v), timeMs) })
	return ch, nil
}

func newestNotLive(versions []*weirpb.FilterVersion) *weirpb.FilterVersion {
	for _, v := range slices.Backward(versions) {
		if !v.GetLive() {
			return v
		}
	}
	return nil
}

func (ch *change) promoteFilter(timeMs int64, c *logpb.PromoteFilter) (*change, *fault.Fault) {
	versions, f := ch.versions(c.GetTenant(), c.GetName())
	if f != nil {
		return nil, f
	}
	v := numbered(versions, c.GetVersion())
	if c.GetVersion() == 0 {
		v = withRole(versions, weirpb.FilterRole_FILTER_ROLE_CANARY)
		if v == nil {
			v = withRole(versions, weirpb.FilterRole_FILTER_ROLE_SHADOW)
		}
		if v == nil {
			return nil, fault.New(fault.InvalidArgument, "no version of the filter %q is being tried, so which is meant must be said", c.GetName()).
				WithHint("weir filter promote %s@%d", c.GetName(), len(versions))
		}
	}
	if v == nil {
		return nil, unknownVersion(c.GetName(), c.GetVersion())
	}
	if v.GetLive() {
		ch.answer = v
		return ch, nil
	}
	ch.answer = ch.goLive(versions, v.GetVersion(), timeMs)
	return ch, nil
}

// rollbackFilter goes back one step; the version that it goes back to still knows which was live before itself.
func (ch *change) rollbackFilter(timeMs int64, c *logpb.RollbackFilter) (*change, *fault.Fault) {
	versions, f := ch.versions(c.GetTenant(), c.GetName())
	if f != nil {
		return nil, f
	}
	before := numbered(versions, beforeLive(versions))
	if before == nil {
		return nil, fault.New(fault.InvalidArgument, "no version of the filter %q was live before this one", c.GetName()).
			WithHint("weir filter list shows all of them; weir filter promote %s@N makes one live", c.GetName())
	}
	ch.retire(versions, timeMs)
	ch.answer = ch.edit(versions, before.GetVersion(), func(v *weirpb.FilterVersion) { becomeLive(v, timeMs) })
	return ch, nil
}

// beforeLive returns the number of the version that was live before the present one, 0 if none was.
func beforeLive(versions []*weirpb.FilterVersion) uint32 {
	live := liveOf(versions)
	if live != nil && live.GetRole() == weirpb.FilterRole_FILTER_ROLE_UNSPECIFIED {
		return live.GetVersion() - 1 // stored before roles were: each upload replaced the one before
	}
	return live.GetReplaced()
}

func (ch *change) pauseFilter(c *logpb.PauseFilter) (*change, *fault.Fault) {
	versions, f := ch.versions(c.GetTenant(), c.GetName())
	if f != nil {
		return nil, f
	}
	v := numbered(versions, c.GetVersion())
	if c.GetVersion() == 0 {
		v = liveOf(versions)
	}
	switch {
	case v == nil:
		return nil, unknownVersion(c.GetName(), c.GetVersion())
	case v.GetPaused() == c.GetPaused():
		ch.answer = v
	default:
		ch.answer = ch.edit(versions, v.GetVersion(), func(v *weirpb.FilterVersion) { v.Paused = c.GetPaused() })
	}
	return ch, nil
}
