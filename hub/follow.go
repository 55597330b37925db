package hub

import (
	"context"
	"errors"

	"weir/hub/internal/control"
	"weir/hub/internal/feed"
	"weir/proto/logpb"
	"weir/proto/weirpb"
)

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
	f := h.follower(p, tail, deliver)
	if err := f.Begin(from); err != nil {
		return h.followFault(ctx, err)
	}
	return h.followFault(ctx, h.followOn(ctx, f))
}

// follower returns what decides about each batch of a channel.
func (h *Hub) follower(p place, tail *feed.Tail, deliver func(*weirpb.FeedBatch) error) *feed.Follower {
	c := feed.Channel{
		ID: p.id, Reader: p.part.reader, Tail: tail, State: p.namespace.GetKind() == weirpb.ChannelKind_CHANNEL_KIND_STATE,
		Describe: func(row *logpb.ChannelRow) *weirpb.Channel { return h.describe(p, row) },
		CaughtUp: func(events int) { h.metrics.caughtUp.Add(float64(events)) },
	}
	return feed.NewFollower(c, func(b *weirpb.FeedBatch) error {
		if err := h.ctx.Err(); err != nil {
			return context.Cause(h.ctx)
		}
		if err := deliver(b); err != nil {
			return &deliverError{err}
		}
		return nil
	})
}

// followOn delivers new events.
func (h *Hub) followOn(ctx context.Context, f *feed.Follower) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		wait, err := f.Step()
		if err != nil {
			return err
		}
		if wait == nil {
			continue
		}
		select {
		case <-wait:
		case <-ctx.Done():
		case <-h.ctx.Done():
			return context.Cause(h.ctx)
		}
	}
}

// A deliverError is what a caller's deliver returned, on its way back to that caller.
type deliverError struct{ error }

// followFault keeps the errors of ctx and of deliver as they are.
func (h *Hub) followFault(ctx context.Context, err error) error {
	var failed *deliverError
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &failed):
		return failed.error
	}
	return h.readFault(err)
}
