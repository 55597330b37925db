package control

import (
	"bytes"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"weir/proto/fault"
	"weir/proto/logpb"
	"weir/proto/weirpb"
)

// ChunkBytes is the longest part of a module that one command carries: with the rest of its entry it stays below 256 KiB.
const ChunkBytes = 192 << 10

// maxStaged is how many modules may be on their way at once.
const maxStaged = 64

func digestOf(b []byte) (d Digest, ok bool) {
	return d, copy(d[:], b) == len(d) && len(b) == len(d)
}

// putChunk stages a part of a module. Parts come in order; one that is there already is passed over, so that an upload
// can be begun again.
func (ch *change) putChunk(timeMs int64, c *logpb.PutChunk) (*change, *fault.Fault) {
	d, ok := digestOf(c.GetDigest())
	if !ok || len(c.GetData()) == 0 || len(c.GetData()) > ChunkBytes {
		return refuse(fault.InvalidArgument, "the part of the module can't be used")
	}
	m := ch.next.Modules[d]
	if m == nil {
		if ch.staged() >= maxStaged {
			return refuse(fault.Busy, "%d modules are being uploaded, as many as are allowed", maxStaged)
		}
		m = &logpb.ModuleRecord{Digest: c.GetDigest(), StagedMs: timeMs}
	}
	if m.GetCommitted() || c.GetIndex() < m.GetChunks() {
		return ch, nil
	}
	if c.GetIndex() > m.GetChunks() {
		return refuse(fault.Unavailable, "the module's parts came out of order")
	}
	m = proto.CloneOf(m)
	m.Chunks++
	m.SizeBytes += uint32(len(c.GetData()))
	ch.next.Modules[d] = m
	ch.store(moduleKey(d), m)
	ch.rows = append(ch.rows, row{key: chunkKey(d, c.GetIndex()), body: c.GetData()})
	return ch, nil
}

func (ch *change) staged() (n int) {
	for _, m := range ch.next.Modules {
		if !m.GetCommitted() {
			n++
		}
	}
	return n
}

func (ch *change) commitFilter(timeMs int64, c *logpb.CommitFilter) (*change, *fault.Fault) {
	t := ch.next.tenant(c.GetTenant())
	if t == nil {
		return nil, UnknownTenant(c.GetTenant())
	}
	if same := t.sameModule(c); same != nil {
		ch.answer = same
		return ch, nil
	}
	d, ok := digestOf(c.GetDigest())
	m := ch.next.Modules[d]
	if !ok || m == nil || m.GetChunks() != c.GetChunks() || m.GetSizeBytes() != c.GetSizeBytes() {
		return refuse(fault.Unavailable, "the module is not there in full")
	}
	if len(t.Filters[c.GetName()]) == 0 && len(t.Filters) >= maxFilters {
		return nil, tooMany("filters", maxFilters)
	}
	if len(t.Filters[c.GetName()]) >= maxVersions {
		return nil, tooMany("versions of the filter", maxVersions)
	}
	if !m.GetCommitted() {
		m = proto.CloneOf(m)
		m.Committed = true
		ch.next.Modules[d] = m
		ch.store(moduleKey(d), m)
	}
	ch.answer = ch.addVersion(t, timeMs, c)
	return ch, nil
}

// sameModule returns the version that has the module already, so that no other is made: for an upload the live one, for
// a push any, the newest first.
func (t *Tenant) sameModule(c *logpb.CommitFilter) *weirpb.FilterVersion {
	if !c.GetPush() {
		if live := t.Live(c.GetName()); live != nil && bytes.Equal(live.GetDigest(), c.GetDigest()) {
			return live
		}
		return nil
	}
	return t.WithModule(c.GetName(), c.GetDigest())
}

// WithModule returns the newest version of a filter that has a module, nil if none has.
func (t *Tenant) WithModule(filter string, digest []byte) *weirpb.FilterVersion {
	for _, v := range slices.Backward(t.Filters[filter]) {
		if bytes.Equal(v.GetDigest(), digest) {
			return v
		}
	}
	return nil
}

// addVersion makes the next version of a filter, which is live from now on unless it is only pushed.
func (ch *change) addVersion(t *Tenant, timeMs int64, c *logpb.CommitFilter) *weirpb.FilterVersion {
	versions := slices.Clone(t.Filters[c.GetName()])
	made := &weirpb.FilterVersion{
		Tenant: c.GetTenant(), Name: c.GetName(), Version: uint32(len(versions)) + 1, Digest: c.GetDigest(),
		SizeBytes: c.GetSizeBytes(), CreatedMs: timeMs, Abilities: c.GetAbilities(),
		Role: weirpb.FilterRole_FILTER_ROLE_PUSHED, RoleSinceMs: timeMs,
	}
	if len(versions) > 0 {
		made.Limits = versions[0].GetLimits() // the same for all
	}
	versions = append(versions, made)
	t.Filters[c.GetName()] = versions
	if !c.GetPush() {
		return ch.goLive(versions, made.GetVersion(), timeMs)
	}
	ch.setVersion(made)
	return made
}

func (ch *change) setVersion(v *weirpb.FilterVersion) {
	ch.store(filterKey(v.GetTenant(), v.GetName(), v.GetVersion()), v)
	ch.put = append(ch.put, filterRecord(v))
}

// dropStaged drops modules that were not committed in time.
func (ch *change) dropStaged(c *logpb.DropStaged) (*change, *fault.Fault) {
	for _, d := range sortedDigests(ch.next.Modules) {
		if m := ch.next.Modules[d]; !m.GetCommitted() && m.GetStagedMs() < c.GetBeforeMs() {
			ch.dropModule(d)
		}
	}
	return ch, nil
}

// dropUnreferenced drops the modules that only the tenant which is going referred to.
func (ch *change) dropUnreferenced(gone *Tenant) {
	unused := map[Digest]*logpb.ModuleRecord{}
	each(gone, func(d Digest) { unused[d] = ch.next.Modules[d] })
	for _, t := range ch.next.Tenants {
		each(t, func(d Digest) { delete(unused, d) })
	}
	for _, d := range sortedDigests(unused) {
		ch.dropModule(d)
	}
}

func (ch *change) dropModule(d Digest) {
	delete(ch.next.Modules, d)
	ch.drop(moduleKey(d))
	ch.dropAll(append(key(kindChunk), d[:]...))
}

// each calls f with the digest of every version of a tenant's filters.
func each(t *Tenant, f func(Digest)) {
	for _, versions := range t.Filters {
		for _, v := range versions {
			if d, ok := digestOf(v.GetDigest()); ok {
				f(d)
			}
		}
	}
}

func sortedDigests(m map[Digest]*logpb.ModuleRecord) []Digest {
	return slices.SortedFunc(maps.Keys(m), func(a, b Digest) int { return bytes.Compare(a[:], b[:]) })
}
