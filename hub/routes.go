package hub

import (
	"context"
	"maps"
	"slices"
	"sync"

	"google.golang.org/protobuf/proto"

	"weir/proto/linkpb"
)

// A routeTable is what this node knows of who leads what, for those that watch it.
type routeTable struct {
	mu      sync.Mutex
	current *linkpb.Routes // replaced, never changed; guarded by mu
	// changed is closed and replaced with current. Guarded by mu.
	changed chan struct{}
}

func newRouteTable(first *linkpb.Routes) *routeTable {
	return &routeTable{current: first, changed: make(chan struct{})}
}

func (t *routeTable) get() (*linkpb.Routes, <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.current, t.changed
}

// update replaces the table by what it is now, unless that is the same.
func (t *routeTable) update(now func() *linkpb.Routes) {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := now()
	if proto.Equal(r, t.current) {
		return
	}
	t.current = r
	close(t.changed)
	t.changed = make(chan struct{})
}

// WatchRoutes delivers who leads what, now and after each change, one call at a time, until ctx ends, deliver fails or the
// hub stops. It returns why. Tables that change while one is delivered are passed over but for the last. What is delivered
// must not be changed.
func (h *Hub) WatchRoutes(ctx context.Context, deliver func(*linkpb.Routes) error) error {
	for {
		routes, changed := h.routes.get()
		if err := context.Cause(h.ctx); err != nil {
			return err
		}
		if err := deliver(routes); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-h.ctx.Done():
			return context.Cause(h.ctx)
		case <-changed:
		}
	}
}

// updateRoutes makes the table anew and shows it if it is another.
func (h *Hub) updateRoutes() {
	h.routes.update(h.routesNow)
}

// routesNow makes the table.
func (h *Hub) routesNow() *linkpb.Routes {
	r := &linkpb.Routes{Self: h.config.NodeID, Region: h.region.ID, Shards: uint32(h.region.Shards), Nodes: h.nodes()}
	for _, g := range h.groups {
		if g.replica == nil {
			continue
		}
		leader, term := g.replica.Leader()
		if leader == "" || (leader == h.node.Name && g.lead.term.Load() != term) {
			continue
		}
		r.Routes = append(r.Routes, &linkpb.Route{Group: uint32(g.id), Node: leader, Term: term})
	}
	return r
}

// nodes lists the region's nodes.
func (h *Hub) nodes() []*linkpb.Node {
	if h.control == nil {
		a := h.addresses()
		return []*linkpb.Node{{Id: h.config.NodeID, Link: a.Link, Api: a.API, Mesh: a.Mesh}}
	}
	var all []*linkpb.Node
	table := h.control.State().Nodes
	for _, name := range slices.Sorted(maps.Keys(table)) {
		n := table[name]
		all = append(all, &linkpb.Node{Id: name, Link: n.GetLink(), Api: n.GetApi(), Mesh: n.GetMesh(), Voter: h.votes(name)})
	}
	return all
}

// votes reports whether a node is a voter of all groups, as far as this one knows.
func (h *Hub) votes(node string) bool {
	for _, g := range h.groups {
		if !slices.Contains(g.replica.Members().Voters, node) {
			return false
		}
	}
	return true
}
