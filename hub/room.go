package hub

import (
	"slices"
	"time"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

// fullRetry is when a publisher that was refused for want of room should come again.
const fullRetry = time.Second

// checkRoom refuses what would need room on a disk that has none.
func (h *Hub) checkRoom(p *weirpb.Publication) error {
	if !h.room.Full() || p.GetAck() == weirpb.Ack_ACK_NONE {
		return nil
	}
	return fault.New(fault.Busy, "the hub's disk is full: nothing is accepted until there is room again").
		WithHint("send it again later, under the same sequence; operators: make room on the disk of node %q", h.node.Name).
		WithRetryAfter(fullRetry)
}

// makeWay hands the lead to a node that has room, if this one has none. It keeps what nobody is fit to take: it can be read.
func (g *group) makeWay() {
	h := g.hub
	if !h.room.Full() || h.transport == nil || !g.lead.leads() {
		return
	}
	fit := h.fit()
	for _, node := range g.replica.Members().Voters {
		if node == h.node.Name || !fit[node] {
			continue
		}
		g.log.Warn("handing over the lead, for this node's disk is full", "to", node)
		if err := g.replica.Transfer(node); err != nil {
			g.log.Info("the lead could not be handed over", "to", node, "error", err)
		}
		return
	}
}

// others lists the region's other nodes, as far as this one knows.
func (h *Hub) others() []string {
	var all []string
	add := func(name string) {
		if name != h.node.Name && !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	if h.transport == nil {
		return nil
	}
	for _, f := range h.region.Founders {
		add(f.Name)
	}
	for _, f := range h.region.Known {
		add(f.Name)
	}
	for _, p := range h.config.Peers {
		add(p.ID)
	}
	if h.control != nil {
		for name := range h.control.State().Nodes {
			add(name)
		}
	}
	return all
}
