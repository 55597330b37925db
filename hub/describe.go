package hub

import (
	"weir/proto/logpb"
	"weir/proto/weirpb"
)

// epoch returns the epoch of the channel, also of one that nobody has published to.
func (p place) epoch() uint64 {
	return p.part.base.Load() + p.tenant.Record.GetGeneration()
}

// describe makes a channel's description of its row.
func (h *Hub) describe(p place, row *logpb.ChannelRow) *weirpb.Channel {
	c := &weirpb.Channel{
		Name: p.id.Name, Namespace: p.namespace.GetName(), Kind: row.GetKind(), Epoch: row.GetEpoch(),
		FirstOffset: row.GetWindow().GetFirstOffset(), NextOffset: row.GetNextOffset(),
		WindowBytes: row.GetWindow().GetBytes(), Keys: row.GetKeys(), Shard: uint32(p.part.id),
	}
	if row.GetNextOffset() == 1 {
		c.Kind, c.Epoch = p.namespace.GetKind(), p.epoch()
	}
	return c
}
