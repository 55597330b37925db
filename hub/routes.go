package hub

import (
	"context"
	"sync"

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

func (t *routeTable) set(r *linkpb.Routes) {
	t.mu.Lock()
	defer t.mu.Unlock()
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

// routesNow makes the table.
func (h *Hub) routesNow(leads bool) *linkpb.Routes {
	r := &linkpb.Routes{
		Shards: uint32(shards), Self: h.config.NodeID,
		Nodes: []*linkpb.Node{{Id: h.config.NodeID, Link: h.config.Advertise.Link, Api: h.config.Advertise.API, Mesh: h.config.Advertise.Mesh, Voter: true}},
	}
	for g := range uint32(shards) + 1 {
		if leads {
			r.Routes = append(r.Routes, &linkpb.Route{Group: g, Node: h.config.NodeID, Term: h.replica.Term()})
		}
	}
	return r
}
