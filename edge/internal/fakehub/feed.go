package fakehub

import (
	"context"

	"weir/proto/weirpb"
)

// batchEvents is how many events a batch of the feed has at most; small, so that tests meet several.
const batchEvents = 3

// Follow feeds a channel, as edge.Upstream says.
func (h *Hub) Follow(ctx context.Context, tenant, channelName string, from *weirpb.Cursor, deliver func(*weirpb.FeedBatch) error) error {
	h.mu.Lock()
	cuts := h.cuts
	c, err := h.channel(tenant, channelName)
	if err != nil {
		h.mu.Unlock()
		return err
	}
	first, next := c.begin(from)
	h.mu.Unlock()
	for _, b := range first {
		if err := deliver(b); err != nil {
			return err
		}
	}
	for {
		h.mu.Lock()
		changed, cut := h.changed, h.cuts != cuts
		b := &weirpb.FeedBatch{}
		for ; next < len(c.stream) && len(b.Events) < batchEvents; next++ {
			b.Events = append(b.Events, c.stream[next])
			if offset := c.stream[next].GetOffset(); offset != 0 {
				b.Cursor = &weirpb.Cursor{Epoch: c.info.GetEpoch(), Offset: offset}
			}
		}
		h.mu.Unlock()
		if cut {
			return ErrDown
		}
		if len(b.Events) > 0 {
			if err := deliver(b); err != nil {
				return err
			}
			continue
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// begin returns the first batches of a feed and where in the stream it goes on. mu of the hub is held.
func (c *channel) begin(from *weirpb.Cursor) (batches []*weirpb.FeedBatch, next int) {
	info := c.describe()
	if from.GetEpoch() == info.GetEpoch() && from.GetOffset()+1 >= info.GetFirstOffset() && from.GetOffset() < info.GetNextOffset() {
		for next < len(c.stream) && c.stream[next].GetOffset() <= from.GetOffset() {
			next++
		}
		return []*weirpb.FeedBatch{{Channel: info, Cursor: from}}, next
	}
	if !c.isState() {
		return []*weirpb.FeedBatch{{Channel: info, Cursor: c.cursor()}}, len(c.stream)
	}
	batches = []*weirpb.FeedBatch{{Channel: info, Snapshot: true}}
	for _, key := range c.kept {
		if e := c.latest[key]; e != nil {
			batches = append(batches, &weirpb.FeedBatch{Snapshot: true, Events: []*weirpb.Event{e}})
		}
	}
	last := batches[len(batches)-1]
	last.SnapshotEnd, last.Cursor = true, c.cursor()
	return batches, len(c.stream)
}

// History reads the window, as edge.Upstream says.
func (h *Hub) History(_ context.Context, r *weirpb.HistoryRequest) (*weirpb.HistoryResponse, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c, err := h.channel(r.GetTenant(), r.GetChannel())
	if err != nil {
		return nil, err
	}
	response := &weirpb.HistoryResponse{Channel: c.describe()}
	after := c.info.GetFirstOffset() - 1
	if a := r.GetAfter(); a != nil {
		switch {
		case a.GetEpoch() != 0 && a.GetEpoch() != c.info.GetEpoch():
			response.Gap = &weirpb.Gap{Reason: "epoch_changed"}
		case a.GetOffset() < after:
			response.Gap = &weirpb.Gap{From: a.GetOffset() + 1, To: after, Reason: "trimmed"}
		default:
			after = a.GetOffset()
		}
	}
	for _, e := range c.events {
		if e.GetOffset() <= after {
			continue
		}
		if len(response.Events) == int(r.GetLimit()) {
			response.More = true
			break
		}
		response.Events = append(response.Events, e)
	}
	return response, nil
}
