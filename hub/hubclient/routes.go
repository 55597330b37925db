package hubclient

import (
	"weir/hub/internal/placement"
	"weir/proto/linkpb"
)

// routes is who leads what, put together from what each connected node says. A node that has been cut off from the others
// may go on naming the leader of an earlier term, so the latest term is right.
type routes struct {
	shards placement.Hashed // 0: not known yet
	tables map[string]*linkpb.Routes
	// known has the nodes' addresses of when there was a table: that all are lost does not move them.
	known map[string]string
}

// maxNodes bounds how many nodes of a region a client connects to: five, and as many that replace them.
const maxNodes = 10

func newRoutes() *routes { return &routes{tables: map[string]*linkpb.Routes{}} }

// learn takes what a node says.
func (r *routes) learn(node string, table *linkpb.Routes) {
	r.tables[node] = table
	if n := table.GetShards(); n > 0 {
		r.shards = placement.Hashed(n)
	}
}

// forget drops what a node has said, as it may be long out of date when it is heard of again.
func (r *routes) forget(node string) { delete(r.tables, node) }

// leader returns who leads a group, and in what term; "" if nobody knows.
func (r *routes) leader(group placement.Group) (node string, term uint64) {
	for _, table := range r.tables {
		for _, route := range table.GetRoutes() {
			if route.GetGroup() == uint32(group) && route.GetNode() != "" && route.GetTerm() >= term {
				node, term = route.GetNode(), route.GetTerm()
			}
		}
	}
	return node, term
}

// addresses returns where the region's nodes are reached, by node. About its own address a node is right.
func (r *routes) addresses() map[string]string {
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
