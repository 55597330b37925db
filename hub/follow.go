package hub

import (
	"context"
	"errors"

	"weir/hub/internal/control"
	"weir/hub/internal/feed"
	"weir/hub/internal/shard"
	"weir/proto/logpb"
	"weir/proto/weirpb"
)

// feedPage bounds what one delivery of stored events has.
var feedPage = shard.Page{Count: 1024, Bytes: 256 << 10}

// Follow delivers a channel's description and, on a state channel, a snapshot; then each new event in order, one call at a
// time, until ctx ends, deliver fails or the hub stops serving. It returns why. With from it goes on after that cursor
// where the window allows: then the description's cursor is from, and there is no snapshot. A follower that falls out of
// the window is given a description anew. What is delivered is shared with other followers: it must not be changed.
func (h *Hub) Follow(ctx context.Context, tenant, channel string, from *weirpb.Cursor, deliver func(*weirpb.FeedBatch) error) error {
	p, err := h.findSure(ctx, tenant, channel)
	if err != nil {
		return err
	}
	tail, release, err := p.part.feeds.Follow(p.id)
	if err != nil {
		return err
	}
	defer release()
	// Had the lead been lost or the tenant been deleted before there was a tail to end, nobody would end it.
	if err := p.part.group.checkLead(); err != nil {
		return err
	}
	if h.control.State().TenantByID(p.id.Tenant) == nil {
		return control.UnknownTenant(tenant)
	}
	f := &follower{hub: h, place: p, reader: p.part.reader, tail: tail, deliver: deliver}
	if err := f.begin(from); err != nil {
		return followFault(ctx, err)
	}
	return followFault(ctx, f.run(ctx))
}

// A deliverError is what a caller's deliver returned, on its way back to that caller.
type deliverError struct{ error }

// followFault keeps the errors of ctx and of deliver as they are.
func followFault(ctx context.Context, err error) error {
	var failed *deliverError
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &failed):
		return failed.error
	}
	return readFault(err)
}

// A follower is one call of Follow. It belongs to the caller's goroutine.
type follower struct {
	hub     *Hub
	place   place
	reader  shard.Reader
	tail    *feed.Tail
	deliver func(*weirpb.FeedBatch) error

	epoch  uint64
	cursor feed.Cursor
}

// begin delivers what comes before new events.
func (f *follower) begin(from *weirpb.Cursor) error {
	row, err := f.reader.Channel(f.place.id)
	if err != nil {
		return err
	}
	c := f.hub.describe(f.place, row)
	if from == nil || !continues(c, from) {
		return f.describe()
	}
	f.at(c, from.GetOffset())
	return f.send(&weirpb.FeedBatch{Channel: c})
}

// continues reports whether the window has all that comes after a cursor.
func continues(c *weirpb.Channel, from *weirpb.Cursor) bool {
	return (from.GetEpoch() == c.GetEpoch() || from.GetEpoch() == 0) &&
		from.GetOffset()+1 >= c.GetFirstOffset() && from.GetOffset() < c.GetNextOffset()
}

// at sets where the follower stands.
func (f *follower) at(c *weirpb.Channel, offset uint64) {
	f.epoch = c.GetEpoch()
	f.tail.Known(c.GetNextOffset() - 1)
	f.cursor = f.tail.Begin(offset)
}

// describe begins at the channel's end, on a state channel with a snapshot.
func (f *follower) describe() error {
	if f.place.namespace.GetKind() == weirpb.ChannelKind_CHANNEL_KIND_STATE {
		return f.snapshot()
	}
	row, err := f.reader.Channel(f.place.id)
	if err != nil {
		return err
	}
	c := f.hub.describe(f.place, row)
	f.at(c, c.GetNextOffset()-1)
	return f.send(&weirpb.FeedBatch{Channel: c})
}

func (f *follower) snapshot() error {
	var c *weirpb.Channel
	return f.reader.Snapshot(f.place.id, feedPage,
		func(row *logpb.ChannelRow) error {
			c = f.hub.describe(f.place, row)
			f.at(c, c.GetNextOffset()-1)
			return nil
		},
		func(events []*weirpb.Event, last bool) error {
			b := &weirpb.FeedBatch{Channel: c, Snapshot: true, SnapshotEnd: last, Events: events}
			c = nil // only the first batch describes
			return f.send(b)
		})
}

// send delivers a batch with the cursor at which the follower stands.
func (f *follower) send(b *weirpb.FeedBatch) error {
	b.Cursor = &weirpb.Cursor{Epoch: f.epoch, Offset: f.cursor.Offset}
	if err := f.hub.ctx.Err(); err != nil {
		return context.Cause(f.hub.ctx)
	}
	if err := f.deliver(b); err != nil {
		return &deliverError{err}
	}
	return nil
}

// run delivers new events.
func (f *follower) run(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		next, err := f.tail.Next(&f.cursor)
		switch {
		case err != nil:
			return err
		case next.Behind:
			err = f.catchUp()
		case len(next.Events) > 0:
			err = f.send(&weirpb.FeedBatch{Events: next.Events})
		default:
			select {
			case <-next.Wait:
			case <-ctx.Done():
			case <-f.hub.ctx.Done():
				return context.Cause(f.hub.ctx)
			}
		}
		if err != nil {
			return err
		}
	}
}

// catchUp delivers what the tail no longer has; where the window no longer has it either, the channel is described anew.
func (f *follower) catchUp() error {
	row, events, err := f.reader.Events(f.place.id, f.cursor.Offset, feedPage)
	if err != nil {
		return err
	}
	if len(events) == 0 || row.GetWindow().GetFirstOffset() > f.cursor.Offset+1 || row.GetEpoch() != f.epoch {
		return f.describe()
	}
	f.cursor.Offset = events[len(events)-1].GetOffset()
	f.hub.metrics.caughtUp.Add(float64(len(events)))
	return f.send(&weirpb.FeedBatch{Events: events})
}
