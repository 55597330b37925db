package simulation

import (
	"fmt"
	"time"

	"github.com/hashicorp/raft"

	"weir/hub/internal/feed"
	"weir/hub/internal/ingest"
	"weir/hub/internal/machine"
	"weir/hub/internal/placement"
	"weir/hub/internal/shard"
	"weir/hub/internal/store"
	"weir/proto/fault"
	"weir/proto/linkpb"
	"weir/proto/logpb"
	"weir/proto/weirpb"
)

const shards placement.Hashed = 2

// A node is a hub node: a member of each shard's group. What it does with its members is in package hub, which can't run
// without goroutines, and is told again here, as plainly as it can be.
type node struct {
	w    *world
	id   int
	name string
	up   bool
	// life counts the starts, so that what was meant for an earlier one is not taken for the next.
	life    int
	members []*member // by shard - 1
	links   []*link
	// knows is the control state as far as the node has heard of it; late has publications that name what it has not.
	knows *tenancy
	late  []func()
	skew  time.Duration
}

// A member is a node's part of a shard's group: the real machine on a store in memory, the real ingest and feeds.
type member struct {
	node   *node
	shard  placement.Shard
	peer   *peer
	memory *store.Memory
	store  *store.Store
	reader shard.Reader
	feeds  *feed.Registry
	ingest *ingest.Ingest

	machine *machine.Machine
	// lead is the term in which the member leads and serves, 0 while it does not; left is when it stopped.
	lead uint64
	left time.Time
	// applying is whether there is a plan to apply, and packing whether there is one to pack.
	applying, packing bool
	follows           []*follow
}

func newNode(w *world, id int) *node {
	n := &node{w: w, id: id, name: fmt.Sprint("hub-", id+1), knows: w.tenants.now, skew: w.between(-300*time.Millisecond, 300*time.Millisecond)}
	for s := placement.Shard(1); s <= placement.Shard(shards); s++ {
		m := &member{node: n, shard: s, memory: &store.Memory{}}
		m.peer = &peer{w: w, member: m, id: id, vote: -1}
		n.members = append(n.members, m)
	}
	return n
}

// clock is the node's.
func (n *node) clock() time.Time { return n.w.now.Add(n.skew) }

func (n *node) start() {
	n.up = true
	n.life++
	n.knows, n.late = n.w.tenants.now, nil
	for _, m := range n.members {
		m.start()
	}
}

// crash ends the process. The log is on disk; of the state, what was flushed, and some of the rest.
func (n *node) crash() {
	n.up = false
	for _, m := range n.members {
		m.memory.Crash(n.w.random.IntN(m.memory.Unflushed() + 1))
		if n.w.bug == losesLog && len(m.peer.log) > 0 {
			m.peer.log = m.peer.log[:len(m.peer.log)-1-n.w.random.IntN(min(3, len(m.peer.log)))]
		}
	}
	for _, l := range append([]*link(nil), n.links...) {
		l.lose(0)
	}
}

type unmeasured struct{}

func (unmeasured) Observe(float64) {}

func (m *member) start() {
	w, life := m.node.w, m.node.life
	m.lead, m.applying, m.packing, m.follows = 0, false, false, nil
	m.peer.reset()
	var err error
	if m.store, err = store.Open("", store.Options{Memory: m.memory}); err != nil {
		panic(err)
	}
	m.feeds = feed.NewRegistry(&feed.Budget{})
	m.ingest = ingest.Stepped(ingest.Config{
		Shard: m.shard, Now: m.node.clock, Emit: m.feeds.Emit,
		Metrics: ingest.Metrics{BatchEvents: unmeasured{}, BatchBytes: unmeasured{}, Commit: unmeasured{}},
		Certain: func(err error) bool { return err == errNotLeader },
	}, w.random.Uint64()>>1)
	m.machine, err = machine.New(machine.Config{
		Store: m.store, Shards: []placement.Shard{m.shard},
		OnApplied: func(a machine.Applied) {
			if m.node.life == life {
				m.applied(a)
			}
		},
		OnFailed: func(err error) { w.broken("the machine", "%s, shard %d: %v", m.node.name, m.shard, err) },
	})
	if err != nil {
		panic(err)
	}
	m.reader = m.machine.Reader(m.shard)
}

// committed plans to apply: Raft's state machine has a goroutine of its own.
func (m *member) committed() {
	if m.applying {
		return
	}
	m.applying = true
	m.then(m.node.w.between(0, 3*time.Millisecond), func() {
		m.applying = false
		m.apply()
	})
}

// then has something happen, unless the node has crashed until then.
func (m *member) then(d time.Duration, do func()) {
	life := m.node.life
	m.node.w.after(d, func() {
		if m.node.up && m.node.life == life {
			do()
		}
	})
}

// apply hands committed entries to the machine, in batches of whatever size.
func (m *member) apply() {
	at := int(m.machine.Applied())
	if at > m.peer.commit {
		return // it was ahead of what it knows to be committed when it started
	}
	for at < m.peer.commit {
		to := min(m.peer.commit, at+1+m.node.w.random.IntN(8))
		logs := make([]*raft.Log, 0, to-at)
		for i := at; i < to; i++ {
			e := m.peer.log[i]
			l := &raft.Log{Index: uint64(i + 1), Term: e.term, Type: raft.LogCommand, Data: m.tampered(e.data)}
			if e.data == nil {
				l.Type = raft.LogNoop
			}
			logs = append(logs, l)
		}
		m.machine.Apply(logs)
		for ; at < to; at++ {
			delete(m.peer.proposals, at+1)
		}
	}
	if m.node.w.chance(5) {
		_ = m.memory.Flush()
	}
	m.take()
	m.pump()
	m.wakeFollows()
}

func (m *member) applied(a machine.Applied) {
	m.node.w.truth.applied(m, a)
	if a.Outcomes != nil {
		m.ingest.Applied(a.Proposal, a.Outcomes)
	}
}

// ledChanged is Raft's word that the peer leads, or does no longer; the node hears of it a moment later.
func (m *member) ledChanged() {
	m.then(m.node.w.between(0, 5*time.Millisecond), func() {
		m.yield()
		m.take()
	})
}

// take begins to serve once everything that was committed before this term is applied, and the shard has its epoch.
func (m *member) take() {
	p := m.peer
	if !p.leading || m.lead == p.term || p.commit == 0 || p.log[p.commit-1].term != p.term || int(m.machine.Applied()) < p.commit {
		return
	}
	if base, err := m.reader.BaseEpoch(); err != nil || base == 0 {
		epoch := uint64(m.node.clock().UnixMilli())
		m.propose(&logpb.Entry{Command: &logpb.Entry_InitShard{InitShard: &logpb.InitShard{BaseEpoch: epoch}}})
		return
	}
	m.lead = p.term
	m.stirred()
}

// yield ends what only a leader does.
func (m *member) yield() {
	if m.lead == 0 {
		return
	}
	m.lead, m.left = 0, m.node.w.now
	if m.node.w.bug != servesOn {
		m.feeds.End(m.notLeader())
	}
	m.wakeFollows()
	m.stirred()
}

func (m *member) notLeader() *fault.Fault { return fault.New(fault.NotLeader, "another node leads") }

// stirred tells the edges that who leads may have changed.
func (m *member) stirred() {
	m.then(m.node.w.between(0, 5*time.Millisecond), func() {
		for _, l := range m.node.links {
			l.tellRoutes()
		}
	})
}

// routes is what the node says about who leads.
func (n *node) routes() *linkpb.Routes {
	table := &linkpb.Routes{Shards: uint32(shards), Self: n.name}
	for _, m := range n.members {
		switch p := m.peer; {
		case m.lead != 0 && p.leading:
			table.Routes = append(table.Routes, &linkpb.Route{Group: uint32(m.shard), Node: n.name, Term: m.lead})
		case !p.leading && p.leader >= 0:
			table.Routes = append(table.Routes, &linkpb.Route{Group: uint32(m.shard), Node: n.w.nodes[p.leader].name, Term: p.term})
		}
	}
	return table
}

// publish takes a publication that was sent to the leader in a term, as the link and hub.Publish do.
func (n *node) publish(tenant string, term uint64, p *weirpb.Publication, done func(*weirpb.Receipt, *fault.Fault)) {
	m := n.members[shards.ShardOf(tenant, p.GetChannel())-1]
	if m.lead == 0 || m.lead != term && n.w.bug != ignoresTerms {
		done(nil, m.notLeader())
		return
	}
	if len(n.late) > 0 || !n.knows.serves(tenant) {
		n.late = append(n.late, func() { m.submit(tenant, p, done) })
		return
	}
	m.submit(tenant, p, done)
}

func (m *member) submit(tenant string, p *weirpb.Publication, done func(*weirpb.Receipt, *fault.Fault)) {
	settings, w := m.node.knows.settings(p.GetChannel()), m.node.w
	switch {
	case m.lead == 0:
		done(nil, m.notLeader())
		return
	case !m.node.knows.serves(tenant):
		done(nil, fault.New(fault.TenantUnknown, "there is no tenant %q", tenant))
		return
	case !w.calm && w.chance(1):
		done(nil, fault.New(fault.Busy, "too much waits"))
		return
	case !w.calm && w.chance(w.refusals):
		done(nil, fault.New(fault.PayloadTooLarge, "the settings have changed"))
		return
	}
	m.ingest.Submit(&ingest.Item{
		Channel: shard.ChannelID{Tenant: settings.GetTenantId(), Name: p.GetChannel()}, Settings: settings, Publication: p,
		Done: func(r *weirpb.Receipt, err error) { done(r, fault.From(err)) },
	})
	if !m.packing {
		m.packing = true
		m.then(w.between(0, 2*time.Millisecond), func() {
			m.packing = false
			m.pump()
		})
	}
}

// pump proposes what has been packed.
func (m *member) pump() {
	for {
		data, failed := m.ingest.Pack()
		if data == nil {
			return
		}
		m.peer.propose(data, m.later(failed))
	}
}

// later puts the failure of an entry off, as its future is waited for by another goroutine.
func (m *member) later(failed func(error)) func(error) {
	return func(err error) {
		m.then(m.node.w.between(0, 2*time.Millisecond), func() {
			failed(err)
			m.pump()
		})
	}
}
