package control

import (
	"google.golang.org/protobuf/proto"

	"weir/proto/fault"
	"weir/proto/logpb"
)

// maxNodes bounds the region's nodes, those that leave included: a group of more would be slow without being safer.
const maxNodes = 9

// initialise registers the founders and their operator's keys, once in a region's life: a revoked key does not come back.
func (ch *change) initialise(timeMs int64, c *logpb.Initialise) (*change, *fault.Fault) {
	if ch.next.Meta.Initialised {
		return ch, nil
	}
	ch.next.Meta.Initialised = true
	ch.next.Meta.Region, ch.next.Meta.Shards = c.GetRegion(), c.GetShards()
	ch.store(key(kindMeta), ch.next.Meta)
	for _, root := range append([]*logpb.ApiKeyRecord{c.GetRoot()}, c.GetMoreRoots()...) {
		if id := root.GetApiKey().GetId(); id != "" {
			ch.next.ApiKeys[id] = root
			ch.store(key(kindApiKey, id), root)
		}
	}
	for _, n := range c.GetNodes() {
		ch.setNode(timeMs, n)
	}
	return ch, nil
}

// setNode stores a copy.
func (ch *change) setNode(timeMs int64, n *logpb.NodeRecord) *logpb.NodeRecord {
	n = proto.CloneOf(n)
	if n.JoinedMs == 0 {
		n.JoinedMs = timeMs
	}
	ch.next.Nodes[n.GetId()] = n
	ch.store(key(kindNode, n.GetId()), n)
	return n
}

// putNode lets a node in, or changes where it is reached. A node that comes with another data folder than before is
// refused: it has forgotten what it voted for.
func (ch *change) putNode(timeMs int64, n *logpb.NodeRecord) (*change, *fault.Fault) {
	old := ch.next.Nodes[n.GetId()]
	switch {
	case old == nil && len(ch.next.Nodes) >= maxNodes:
		return nil, tooMany("nodes", maxNodes)
	case old == nil:
	case old.GetIncarnation() != n.GetIncarnation():
		return nil, DataGone(n.GetId())
	case old.GetLeaving():
		return nil, fault.New(fault.PermissionDenied, "the node %q is leaving the region", n.GetId()).
			WithHint("a node that comes back needs an empty data folder and another name")
	}
	made := &logpb.NodeRecord{
		Id: n.GetId(), Incarnation: n.GetIncarnation(), Mesh: n.GetMesh(), Link: n.GetLink(), Api: n.GetApi(), JoinedMs: old.GetJoinedMs(),
	}
	if old != nil && proto.Equal(old, made) {
		ch.answer = old
		return ch, nil
	}
	ch.answer = ch.setNode(timeMs, made)
	return ch, nil
}

// DataGone is what a node is told that comes without the data that it had.
func DataGone(node string) *fault.Fault {
	return fault.New(fault.PermissionDenied, "the data of node %q are gone: it would vote again on what it has forgotten", node).
		WithHint("start it under another name with --join, then: weir hub replace %s --with NAME", node)
}

// retireNode has a node leave. It stays in the table until it has left all groups.
func (ch *change) retireNode(c *logpb.RetireNode) (*change, *fault.Fault) {
	old := ch.next.Nodes[c.GetId()]
	if old == nil {
		return nil, fault.New(fault.NotFound, "there is no node %q", c.GetId()).WithHint("weir hub status lists the nodes")
	}
	if by := c.GetReplacedBy(); by != "" {
		switch n := ch.next.Nodes[by]; {
		case by == c.GetId():
			return refuse(fault.InvalidArgument, "a node can't take its own place")
		case n == nil:
			return nil, fault.New(fault.NotFound, "there is no node %q", by).WithHint("start it with --join first")
		case n.GetLeaving():
			return refuse(fault.InvalidArgument, "the node %q is leaving itself", by)
		}
	}
	if staying := ch.next.staying(); staying <= 1 && !old.GetLeaving() {
		return refuse(fault.InvalidArgument, "the node %q is the last one that stays", c.GetId())
	}
	made := proto.CloneOf(old)
	made.Leaving, made.ReplacedBy = true, c.GetReplacedBy()
	ch.answer = ch.setNode(0, made)
	return ch, nil
}

// staying counts the nodes that do not leave.
func (s *State) staying() (n int) {
	for _, x := range s.Nodes {
		if !x.GetLeaving() {
			n++
		}
	}
	return n
}

// forgetNode forgets a node that has left.
func (ch *change) forgetNode(c *logpb.ForgetNode) (*change, *fault.Fault) {
	if old := ch.next.Nodes[c.GetId()]; old.GetLeaving() {
		delete(ch.next.Nodes, c.GetId())
		ch.drop(key(kindNode, c.GetId()))
	}
	return ch, nil
}
