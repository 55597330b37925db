package hub

import (
	"context"
	"errors"
	"sync"
	"time"

	"weir/hub/internal/region"
	"weir/proto/fault"
	"weir/proto/meshpb"
)

// How often a node without a region looks for those that it expects, and how long it waits for an answer.
const (
	foundFirst   = 20 * time.Millisecond
	foundEvery   = 500 * time.Millisecond
	helloTimeout = time.Second
)

// found looks for the other founders until a region begins, or until it is clear that this node has no place in it.
func (h *Hub) found() {
	wait := foundFirst
	for {
		r, err := region.Decide(h.hello(), h.hearPeers())
		switch {
		case err == nil:
			h.entered(*r)
			return
		case errors.Is(err, region.ErrDataGone), errors.Is(err, region.ErrForeign):
			h.refused(err)
			return
		}
		h.status.wait(fault.New(fault.Unavailable, "the region has not begun: %v", err))
		h.log.Debug("the region has not begun", "reason", err)
		select {
		case <-h.ctx.Done():
			return
		case <-time.After(wait):
			wait = min(2*wait, foundEvery)
		}
	}
}

// entered takes part in a region that has been found.
func (h *Hub) entered(r region.Region) {
	err := r.Save(h.dir.Path)
	if err == nil {
		err = h.takePart(r)
	}
	if err != nil {
		h.log.Error("this node can't take part in its region", "error", err)
		h.stop(fault.New(fault.Unavailable, "the hub could not start").WithHint("operators: see its log").WithCause(err))
		return
	}
	h.log.Info("this node takes part in its region", "region", r.ID, "shards", r.Shards, "founders", r.Names())
}

// refused says for good that this node has no place in the region.
func (h *Hub) refused(err error) {
	why := fault.New(fault.PermissionDenied, "%v", err).WithCause(err)
	if errors.Is(err, region.ErrDataGone) {
		why = why.WithHint("start it under another name with --join, then: weir hub replace %s --with NAME", h.node.Name)
	} else {
		why = why.WithHint("start it with --join and the mesh address of one of the region's nodes")
	}
	h.log.Error("this node is not let into its region", "error", err, "hint", why.Hint)
	h.stop(why)
}

// hello is what this node says of itself.
func (h *Hub) hello() region.Hello {
	return region.Hello{Self: h.self, Shards: h.config.Shards, Peers: h.peers()}
}

// peers lists the nodes that a new region is to have.
func (h *Hub) peers() []string {
	if len(h.config.Peers) == 0 {
		return []string{h.node.Name}
	}
	var all []string
	for _, p := range h.config.Peers {
		all = append(all, p.ID)
	}
	return all
}

// hearPeers asks all expected nodes at once. Those that do not answer are left out.
func (h *Hub) hearPeers() []region.Hello {
	ctx, cancel := context.WithTimeout(h.ctx, helloTimeout)
	defer cancel()
	var mu sync.Mutex
	var all []region.Hello
	var asked sync.WaitGroup
	for _, peer := range h.peers() {
		if peer == h.node.Name {
			continue
		}
		asked.Go(func() {
			answer, err := call[meshpb.Hello](ctx, h, peer, methodHello, &meshpb.Hello{})
			if err != nil {
				h.log.Debug("a node does not answer", "node", peer, "error", err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, helloOf(answer))
		})
	}
	asked.Wait()
	return all
}

// answerHello tells another node of this one.
func (h *Hub) answerHello(context.Context, string, *meshpb.Hello) (*meshpb.Hello, error) {
	answer := &meshpb.Hello{Self: memberOf(h.self), Shards: uint32(h.config.Shards), Peers: h.peers()}
	if h.status.takes() {
		answer.Region = h.describeRegion()
	}
	return answer, nil
}

// describeRegion is what other nodes are told of the region.
func (h *Hub) describeRegion() *meshpb.Region {
	r := &meshpb.Region{Id: h.region.ID, Shards: uint32(h.region.Shards)}
	for _, f := range h.region.Founders {
		r.Founders = append(r.Founders, memberOf(f))
	}
	for _, n := range h.control.State().Nodes {
		r.Nodes = append(r.Nodes, &meshpb.Member{
			Id: n.GetId(), Incarnation: n.GetIncarnation(), Mesh: n.GetMesh(), Link: n.GetLink(), Api: n.GetApi(),
		})
	}
	return r
}

func memberOf(f region.Founder) *meshpb.Member {
	return &meshpb.Member{
		Id: f.Name, Incarnation: f.Incarnation, Mesh: f.Mesh, Link: f.Link, Api: f.API, KeyId: f.KeyID, KeySha256: f.KeySHA256,
	}
}

func founderOf(m *meshpb.Member) region.Founder {
	return region.Founder{
		Node: region.Node{Name: m.GetId(), Incarnation: m.GetIncarnation()},
		Mesh: m.GetMesh(), Link: m.GetLink(), API: m.GetApi(), KeyID: m.GetKeyId(), KeySHA256: m.GetKeySha256(),
	}
}

func helloOf(m *meshpb.Hello) region.Hello {
	h := region.Hello{Self: founderOf(m.GetSelf()), Shards: int(m.GetShards()), Peers: m.GetPeers()}
	if m.GetRegion() == nil {
		return h
	}
	r := regionOf(m.GetRegion())
	h.Region = &r
	for _, n := range m.GetRegion().GetNodes() {
		h.Nodes = append(h.Nodes, founderOf(n).Node)
	}
	return h
}

func regionOf(m *meshpb.Region) region.Region {
	r := region.Region{ID: m.GetId(), Shards: int(m.GetShards())}
	for _, f := range m.GetFounders() {
		r.Founders = append(r.Founders, founderOf(f))
	}
	return r
}
