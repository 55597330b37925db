// Package linktest is what the tests of both ends of the hub link share: a hub that keeps the promises in memory, and a
// network that can be cut.
package linktest

import (
	"context"
	"crypto/sha256"
	"slices"
	"sync"

	"google.golang.org/protobuf/proto"

	"weir/proto/fault"
	"weir/proto/linkpb"
	"weir/proto/weirpb"
)

// Epoch is that of all the hub's channels.
const Epoch = 7

// A Hub orders publications, recognises repeated ones and feeds followers from memory. The zero value is ready.
type Hub struct {
	// Filter is the one module that there is.
	Filter []byte
	// Sent, if set, is called with each batch that a follower has taken.
	Sent func(channel string, batch *weirpb.FeedBatch)

	mu       sync.Mutex
	channels map[string]*channel // guarded by mu
}

type channel struct {
	events  []*weirpb.Event
	applied map[string][]uint64 // by producer: offsets, by sequence - 1
	changed chan struct{}       // closed when an event is added
}

// channel returns the one with this name. h.mu is held.
func (h *Hub) channel(name string) *channel {
	if h.channels == nil {
		h.channels = map[string]*channel{}
	}
	c, ok := h.channels[name]
	if !ok {
		c = &channel{applied: map[string][]uint64{}, changed: make(chan struct{})}
		h.channels[name] = c
	}
	return c
}

// Publish accepts a publication, the next of its producer or a repeated one.
func (h *Hub) Publish(_ string, p *weirpb.Publication, done func(*weirpb.Receipt, error)) {
	receipt, err := h.apply(p)
	done(receipt, err)
}

func (h *Hub) apply(p *weirpb.Publication) (*weirpb.Receipt, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.channel(p.GetChannel())
	offset := uint64(len(c.events) + 1)
	if p.GetProducer() != "" {
		applied := c.applied[p.GetProducer()]
		switch n := uint64(len(applied)); {
		case p.GetSequence() <= n:
			return &weirpb.Receipt{Epoch: Epoch, Offset: applied[p.GetSequence()-1], Duplicate: true}, nil
		case p.GetSequence() > n+1:
			return nil, fault.New(fault.SequenceGap, "publication %d is missing", n+1)
		}
		c.applied[p.GetProducer()] = append(applied, offset)
	}
	c.events = append(c.events, &weirpb.Event{Offset: offset, Key: p.GetKey(), Payload: p.GetPayload()})
	close(c.changed)
	c.changed = make(chan struct{})
	return &weirpb.Receipt{Epoch: Epoch, Offset: offset}, nil
}

// Events returns what a channel holds.
func (h *Hub) Events(name string) []*weirpb.Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.channel(name).events)
}

// Follow feeds a channel, 10 events in a batch, from the cursor on or, without one, from now.
func (h *Hub) Follow(
	ctx context.Context, _, name string, from *weirpb.Cursor, deliver func(*weirpb.FeedBatch) error,
) error {
	at := uint64(len(h.Events(name)))
	if from != nil {
		at = from.GetOffset()
	}
	first := true
	for {
		h.mu.Lock()
		c := h.channel(name)
		events, changed := slices.Clone(c.events[at:min(at+10, uint64(len(c.events)))]), c.changed
		h.mu.Unlock()
		if len(events) == 0 && !first {
			select {
			case <-changed:
				continue
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		at += uint64(len(events))
		batch := &weirpb.FeedBatch{Events: events, Cursor: &weirpb.Cursor{Epoch: Epoch, Offset: at}}
		if first {
			batch.Channel = &weirpb.Channel{Name: name, Kind: weirpb.ChannelKind_CHANNEL_KIND_LOG, Epoch: Epoch}
		}
		first = false
		if err := deliver(batch); err != nil {
			return err
		}
		if h.Sent != nil {
			h.Sent(name, batch)
		}
	}
}

// WatchControl delivers one tenant, then nothing more.
func (h *Hub) WatchControl(ctx context.Context, deliver func(*weirpb.ControlUpdate) error) error {
	tenant := &weirpb.ControlRecord{Record: &weirpb.ControlRecord_Tenant{Tenant: &weirpb.Tenant{Name: "acme"}}}
	if err := deliver(&weirpb.ControlUpdate{Index: 1, Reset_: true, Put: []*weirpb.ControlRecord{tenant}}); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

// ControlIndex returns that of the one update that there is.
func (h *Hub) ControlIndex(context.Context) (uint64, error) { return 1, nil }

// History returns a channel's first events.
func (h *Hub) History(_ context.Context, r *weirpb.HistoryRequest) (*weirpb.HistoryResponse, error) {
	events := h.Events(r.GetChannel())
	if len(events) == 0 {
		return nil, fault.New(fault.NamespaceUnknown, "there is no such namespace").WithHint("weir namespace create NAME")
	}
	n := min(int(r.GetLimit()), len(events))
	return proto.CloneOf(&weirpb.HistoryResponse{Events: events[:n], More: n < len(events)}), nil
}

// Module returns the one module that there is.
func (h *Hub) Module(_ context.Context, digest []byte) ([]byte, error) {
	if sum := sha256.Sum256(h.Filter); string(sum[:]) != string(digest) {
		return nil, fault.New(fault.FilterUnknown, "there is no such module")
	}
	return h.Filter, nil
}

// Leads says that the node leads everything, always.
func (h *Hub) Leads(string, string, uint64) error { return nil }

// WatchRoutes delivers the table of a lone node, then nothing more.
func (h *Hub) WatchRoutes(ctx context.Context, deliver func(*linkpb.Routes) error) error {
	routes := []*linkpb.Route{{Group: 0, Node: "hub-1", Term: 1}, {Group: 1, Node: "hub-1", Term: 1}}
	if err := deliver(&linkpb.Routes{Shards: 1, Self: "hub-1", Routes: routes}); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

// EndCanary knows of version 2 of the filter viewport, on trial since 7.
func (h *Hub) EndCanary(_ context.Context, tenant, filter string, version uint32, sinceMs int64) error {
	if tenant != "acme" || filter != "viewport" || version != 2 || sinceMs != 7 {
		return fault.New(fault.FilterUnknown, "there is no such canary")
	}
	return nil
}
