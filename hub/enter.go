package hub

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"weir/hub/internal/region"
)

// connect makes the transport to other nodes.
func (h *Hub) connect() (err error) {
	if h.config.Connect == nil {
		return nil
	}
	if h.transport, err = h.config.Connect(h.meshAddress); err != nil {
		return fmt.Errorf("connect to other nodes: %w", err)
	}
	if a, ok := h.transport.(admitter); ok {
		a.Admit(h.admitStream)
	}
	if i, ok := h.transport.(introducer); ok {
		i.Introduce(h.node.Incarnation, h.recognise)
	}
	return nil
}

// enter brings the node into its region: the one that its folder belongs to, or a new one.
func (h *Hub) enter() error {
	r, found, err := region.Load(h.dir.Path)
	switch {
	case err != nil:
		return err
	case found:
		h.self = region.Founder{Node: h.node}
		h.answerCalls()
		return h.takePart(r)
	}
	if _, err := os.Stat(filepath.Join(h.dir.Path, "groups")); !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%s: %w", h.dir.Path, ErrRegionGone)
	}
	if len(h.config.Join) > 0 {
		a := h.addresses()
		h.self = region.Founder{Node: h.node, Mesh: a.Mesh, Link: a.Link, API: a.API}
	} else if h.self, err = h.founder(); err != nil {
		return err
	}
	h.answerCalls()
	switch {
	case len(h.config.Join) > 0 && h.transport != nil:
		h.running.Go(h.join)
		return nil
	case len(h.peers()) > 1:
		h.running.Go(h.found)
		return nil
	}
	r = region.Found([]region.Founder{h.self}, h.config.Shards)
	if err := r.Save(h.dir.Path); err != nil {
		return fmt.Errorf("note the region: %w", err)
	}
	h.log.Info("made a new region", "region", r.ID, "shards", r.Shards)
	return h.takePart(r)
}

// ErrRegionGone says that a data folder has groups but not the file that says which region they are of.
var ErrRegionGone = errors.New("the file region.json is missing beside the groups' data")

// founder describes this node as one that a region begins with.
func (h *Hub) founder() (region.Founder, error) {
	key, err := h.rootKey()
	if err != nil {
		return region.Founder{}, err
	}
	a := h.addresses()
	return region.Founder{
		Node: h.node, Mesh: a.Mesh, Link: a.Link, API: a.API,
		KeyID: key.GetApiKey().GetId(), KeySHA256: key.GetSecretSha256(),
	}, nil
}

// addresses returns where this node is reached.
func (h *Hub) addresses() Addresses {
	for _, p := range h.config.Peers {
		if p.ID == h.config.NodeID {
			return p.Addresses
		}
	}
	return h.config.Advertise
}

// meshAddress says where a node's mesh is, as far as this one knows.
func (h *Hub) meshAddress(node string) (addr string, ok bool) {
	if h.status.takes() {
		if n := h.control.State().Nodes[node]; n.GetMesh() != "" {
			return n.GetMesh(), true
		}
	}
	for _, p := range h.config.Peers {
		if p.ID == node && p.Mesh != "" {
			return p.Mesh, true
		}
	}
	if h.status.takes() {
		return h.region.Mesh(node)
	}
	return "", false
}

// handOver hands what this node leads to others, so that they need not find out that it is gone.
func (h *Hub) handOver() {
	h.leavingLeads.Store(true)
	if h.transport == nil {
		return
	}
	var all sync.WaitGroup // at once: where the others are away, each takes as long as an election
	for _, g := range h.groups {
		if g.replica == nil || !g.replica.Leads() {
			continue
		}
		all.Go(func() {
			if err := g.replica.Transfer(""); err != nil {
				g.log.Info("the lead could not be handed over, the others will elect a leader", "error", err)
			}
		})
	}
	all.Wait()
}
