package simulation

import (
	"slices"

	"weir/hub/internal/entry"
	"weir/hub/internal/placement"
	"weir/proto/logpb"
	"weir/proto/weirpb"
)

// propose hands a command to Raft.
func (m *member) propose(e *logpb.Entry) {
	e.TimeMs, e.Shard = m.node.clock().UnixMilli(), uint32(m.shard)
	data, err := entry.Encode(e)
	if err != nil {
		panic(err)
	}
	m.peer.propose(data, func(error) {})
}

// sweep trims what has come of age, and drops deleted tenants, as leaders do each second.
func (m *member) sweep() {
	if m.lead == 0 || !m.node.up {
		return
	}
	n := m.node
	for _, id := range n.knows.dropping {
		m.propose(&logpb.Entry{Command: &logpb.Entry_DropTenant{DropTenant: &logpb.DropTenant{TenantId: id}}})
	}
	due, err := m.reader.Due(n.clock().UnixMilli(), 512)
	if err != nil || len(due) == 0 {
		return
	}
	trim := &logpb.Trim{}
	for _, d := range due {
		row := &logpb.Due{DueMs: d.DueMs, TenantId: d.ID.Channel.Tenant, Channel: d.ID.Channel.Name, Producer: d.ID.Name}
		if d.ID.Channel.Tenant == n.knows.id {
			trim.Settings = append(trim.Settings, n.knows.settings(d.ID.Channel.Name))
			row.Settings = uint32(len(trim.Settings))
		} else if d.ID.Channel.Tenant > n.knows.id {
			continue
		}
		trim.Due = append(trim.Due, row)
	}
	m.propose(&logpb.Entry{Command: &logpb.Entry_Trim{Trim: trim}})
}

// tampered is what a broken follower applies of an entry.
func (m *member) tampered(data []byte) []byte {
	if m.node.w.bug != keepsDedupeToItself || m.peer.leading || data == nil {
		return data
	}
	e, err := entry.Decode(data)
	if err != nil {
		return data
	}
	for _, s := range e.GetAppend().GetSubmissions() {
		s.Publication.Producer, s.Publication.Sequence = "", 0
	}
	if data, err = entry.Encode(e); err != nil {
		panic(err)
	}
	return data
}

// A directory is the control state: one tenant, which is deleted and made again. It is a model; the real one is a Raft
// group of its own with the same machine.
type directory struct {
	w   *world
	now *tenancy
}

// A tenancy is the control state at one time. It is never changed.
type tenancy struct {
	version    int
	id         uint64 // 0: there is no tenant
	generation uint64
	dropping   []uint64
	limits     limits
}

// limits are drawn once a history.
type limits struct {
	windowAgeMs, windowCount, dedupeAgeMs uint64
}

const tenant = "acme"

func (t *tenancy) serves(called string) bool { return t.id != 0 && called == tenant }

func (t *tenancy) settings(channel string) *logpb.Settings {
	s := &logpb.Settings{
		TenantId: t.id, Generation: t.generation, Kind: weirpb.ChannelKind_CHANNEL_KIND_LOG,
		WindowAgeMs: t.limits.windowAgeMs, WindowBytes: 1 << 20, WindowCount: t.limits.windowCount, Keys: 100,
		DedupeAgeMs: t.limits.dedupeAgeMs,
	}
	if channel == stateChannel {
		s.Kind = weirpb.ChannelKind_CHANNEL_KIND_STATE
	}
	return s
}

// renew deletes the tenant and makes it again: its channels begin anew, under another epoch.
func (d *directory) renew() {
	t := *d.now
	t.version++
	t.generation++
	t.dropping = append(slices.Clone(t.dropping), t.id)
	t.id++
	d.now = &t
	for _, n := range d.w.nodes {
		d.w.after(d.w.hop(), func() { n.learn(&t) })
	}
}

// learn takes a newer control state.
func (n *node) learn(t *tenancy) {
	if !n.up || t.version <= n.knows.version {
		return
	}
	n.knows = t
	for _, m := range n.members {
		for _, id := range t.dropping {
			m.feeds.EndTenant(id, m.notLeader())
		}
		m.wakeFollows()
	}
	late := n.late
	n.late = nil
	for _, do := range late {
		do()
	}
}

// leader returns the member that leads a shard in the latest term, nil if none does.
func (w *world) leader(s placement.Shard) *member {
	var found *member
	for _, n := range w.nodes {
		if m := n.members[s-1]; n.up && m.lead != 0 && m.peer.leading && (found == nil || m.lead > found.lead) {
			found = m
		}
	}
	return found
}
