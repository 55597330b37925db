// Package routing puts together who leads what from what each node of a region says. It is pure: it does nothing by itself.
package routing

import (
	"weir/hub/internal/placement"
	"weir/proto/linkpb"
)

// Routes is who leads what, put together from what each connected node says. A node that has been cut off from the others
// may go on naming the leader of an earlier term, so the latest term is right. It is not safe for concurrent use.
type Routes struct {
	shards placement.Hashed
	tables map[string]*linkpb.Routes
	// known has the nodes' addresses of when there was a table: that all are lost does not move them.
	known map[string]string
}

// New returns routes of which nobody has said anything.
func New() *Routes { return &Routes{tables: map[string]*linkpb.Routes{}} }

// Shards returns how many there are, 0 while it is not known.
func (r *Routes) Shards() placement.Hashed { return r.shards }

// maxNodes bounds how many nodes of a region a client connects to: five, and as many that replace them.
const maxNodes = 10

// Learn takes what a node says.
func (r *Routes) Learn(node string, table *linkpb.Routes) {
	r.tables[node] = table
	if n := table.GetShards(); n > 0 {
		r.shards = placement.Hashed(n)
	}
}

// Forget drops what a node has said, as it may be long out of date when it is heard of again.
func (r *Routes) Forget(node string) { delete(r.tables, node) }

// Leader returns who leads a group, and in what term; "" if nobody knows.
func (r *Routes) Leader(group placement.Group) (node string, term uint64) {
	for _, table := range r.tables {
		for _, route := range table.GetRoutes() {
			if route.GetGroup() == uint32(group) && route.GetNode() != "" && route.GetTerm() >= term {
				node, term = route.GetNode(), route.GetTerm()
			}
		}
	}
	return node, term
}

// Addresses returns where the region's nodes are reached, by node. About its own address a node is right.
func (r *Routes) Addresses() map[string]string {
	if len(r.tables) == 0 {
		return r.known
	}
	all := map[string]string{}
	for _, table := range r.tables {
		for _, n := range table.GetNodes() {
			if _, there := all[n.GetId()]; n.GetLink() != "" && (n.GetId() == table.GetSelf() || !there) && len(all) < maxNodes {
				all[n.GetId()] = n.GetLink()
			}
		}
	}
	r.known = all
	return all
}
