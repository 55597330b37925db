package linktest

import (
	"context"
	"sync"

	"weir/hub/internal/placement"
	"weir/proto/fault"
	"weir/proto/linkpb"
	"weir/proto/weirpb"
)

// A Region is a hub of several nodes that share what is in memory: each group has one leader, which is changed by the test.
type Region struct {
	Hub
	shards placement.Hashed
	links  map[string]string

	mu      sync.Mutex
	leaders map[placement.Group]Leader // guarded by mu
	changed chan struct{}              // closed and replaced with leaders; guarded by mu
}

// A Leader is a node and the term in which it leads.
type Leader struct {
	Node string
	Term uint64
}

// NewRegion returns a region whose nodes have these addresses. Nobody leads anything.
func NewRegion(shards int, links map[string]string) *Region {
	return &Region{
		shards: placement.Hashed(shards), links: links, leaders: map[placement.Group]Leader{}, changed: make(chan struct{}),
	}
}

// Groups returns all groups.
func (r *Region) Groups() (all []placement.Group) {
	for g := range placement.Group(r.shards) + 1 {
		all = append(all, g)
	}
	return all
}

// Lead makes a node the leader of a group in the next term; "" leaves the group without one.
func (r *Region) Lead(group placement.Group, node string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.leaders[group] = Leader{Node: node, Term: r.leaders[group].Term + 1}
	close(r.changed)
	r.changed = make(chan struct{})
}

// LeadAll makes a node the leader of all groups.
func (r *Region) LeadAll(node string) {
	for _, g := range r.Groups() {
		r.Lead(g, node)
	}
}

// Node returns one of the region's.
func (r *Region) Node(id string) *Node { return &Node{Region: r, id: id} }

// A Node serves what it leads and refuses the rest.
type Node struct {
	*Region
	id string
}

var errNotLeader = fault.New(fault.NotLeader, "another node leads")

func (n *Node) leader(tenant, channel string) (Leader, <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.leaders[n.shards.ShardOf(tenant, channel).Group()], n.changed
}

// Leads returns not_leader unless the node leads in that term.
func (n *Node) Leads(tenant, channel string, term uint64) error {
	if l, _ := n.leader(tenant, channel); l.Node != n.id || (term != 0 && l.Term != term) {
		return errNotLeader
	}
	return nil
}

// Publish accepts what Hub.Publish does.
func (n *Node) Publish(tenant string, p *weirpb.Publication, done func(*weirpb.Receipt, error)) {
	if err := n.Leads(tenant, p.GetChannel(), 0); err != nil {
		done(nil, err)
		return
	}
	n.Hub.Publish(tenant, p, done)
}

// Follow ends with not_leader when another node leads.
func (n *Node) Follow(
	ctx context.Context, tenant, channel string, from *weirpb.Cursor, deliver func(*weirpb.FeedBatch) error,
) error {
	l, changed := n.leader(tenant, channel)
	if l.Node != n.id {
		return errNotLeader
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var watching sync.WaitGroup
	defer watching.Wait()
	ended := make(chan struct{})
	defer close(ended)
	watching.Go(func() {
		for {
			select {
			case <-changed:
			case <-ended:
				return
			}
			var now Leader
			if now, changed = n.leader(tenant, channel); now != l {
				cancel(errNotLeader)
				return
			}
		}
	})
	if err := n.Hub.Follow(ctx, tenant, channel, from, deliver); ctx.Err() == nil {
		return err
	}
	return context.Cause(ctx)
}

// History is the leader's.
func (n *Node) History(ctx context.Context, r *weirpb.HistoryRequest) (*weirpb.HistoryResponse, error) {
	if err := n.Leads(r.GetTenant(), r.GetChannel(), 0); err != nil {
		return nil, err
	}
	return n.Hub.History(ctx, r)
}

// EndCanary is for the leader of the control group.
func (n *Node) EndCanary(ctx context.Context, tenant, filter string, version uint32, sinceMs int64) error {
	n.mu.Lock()
	l := n.leaders[placement.Control]
	n.mu.Unlock()
	if l.Node != n.id {
		return errNotLeader
	}
	return n.Hub.EndCanary(ctx, tenant, filter, version, sinceMs)
}

// WatchRoutes delivers who leads what, now and at each change.
func (n *Node) WatchRoutes(ctx context.Context, deliver func(*linkpb.Routes) error) error {
	for {
		n.mu.Lock()
		table, changed := n.table(), n.changed
		n.mu.Unlock()
		if err := deliver(table); err != nil {
			return err
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// table makes the routes. n.mu is held.
func (n *Node) table() *linkpb.Routes {
	t := &linkpb.Routes{Shards: uint32(n.shards), Self: n.id}
	for group, l := range n.leaders {
		if l.Node != "" {
			t.Routes = append(t.Routes, &linkpb.Route{Group: uint32(group), Node: l.Node, Term: l.Term})
		}
	}
	for id, link := range n.links {
		t.Nodes = append(t.Nodes, &linkpb.Node{Id: id, Link: link, Voter: true})
	}
	return t
}
