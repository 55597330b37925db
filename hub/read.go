package hub

import (
	"cmp"
	"context"
	"errors"

	"weir/hub/internal/machine"
	"weir/hub/internal/shard"
	"weir/hub/internal/store"
	"weir/proto/fault"
	"weir/proto/logpb"
	"weir/proto/weirpb"
)

// Bounds of one answer.
const (
	defaultPage = 100
	maxPage     = 1000
	pageBytes   = 1 << 20
)

func pageOf(limit uint32) shard.Page {
	return shard.Page{Count: int(min(cmp.Or(limit, defaultPage), maxPage)), Bytes: pageBytes}
}

// readFault hides from clients why a read failed, unless it was refused.
func (h *Hub) readFault(err error) error {
	var refused *fault.Fault
	var corrupt *store.CorruptError
	switch {
	case err == nil, errors.As(err, &refused):
		return err
	case errors.Is(err, store.ErrClosed) && h.ctx.Err() != nil:
		return errClosed
	case errors.Is(err, store.ErrClosed), (errors.As(err, &corrupt) || errors.Is(err, machine.ErrFailed)) && !h.alone():
		return fault.New(fault.Unavailable, "what this node has of the channel is being rebuilt").
			WithHint("try again in a moment: another node takes over").WithCause(err)
	case errors.As(err, &corrupt):
		return fault.New(fault.Internal, "what is stored of the channel is corrupt").
			WithHint("operators: see the hub's log").WithCause(err)
	}
	return fault.New(fault.Internal, "the channel can't be read").WithHint("operators: see the hub's log").WithCause(err)
}

// A read is a request to read a channel.
type read interface {
	GetTenant() string
	GetChannel() string
	GetConsistency() weirpb.Consistency
}

// findToRead finds the channel that a request is about, and sees to it that what is read there is as consistent as asked.
func (h *Hub) findToRead(ctx context.Context, r read) (place, error) {
	if err := ctx.Err(); err != nil {
		return place{}, fault.New(fault.Timeout, "the request was given up").WithCause(err)
	}
	p, err := h.findSure(ctx, r.GetTenant(), r.GetChannel())
	if err != nil {
		return place{}, err
	}
	return p, h.confirm(ctx, p, r.GetConsistency())
}

// State reads a page of the latest events of a state channel, in the order of their keys, or those of some keys.
func (h *Hub) State(ctx context.Context, r *weirpb.StateRequest) (*weirpb.StateResponse, error) {
	p, err := h.findToRead(ctx, r)
	if err != nil {
		return nil, err
	}
	if p.namespace.GetKind() != weirpb.ChannelKind_CHANNEL_KIND_STATE {
		return nil, fault.New(fault.InvalidArgument, "the channel %q is a log channel, which has no state", p.id.Name).
			WithHint("read its history")
	}
	if len(r.GetKeys()) > maxPage {
		return nil, fault.New(fault.InvalidArgument, "%d keys are asked for, at most %d are allowed", len(r.GetKeys()), maxPage)
	}
	response := &weirpb.StateResponse{}
	var row *logpb.ChannelRow
	if len(r.GetKeys()) > 0 {
		row, response.Events, err = p.part.reader.LatestOf(p.id, r.GetKeys())
	} else {
		row, response.Events, response.More, err = p.part.reader.Latest(p.id, r.GetAfterKey(), pageOf(r.GetLimit()))
	}
	if err != nil {
		return nil, h.readFault(err)
	}
	response.Channel = h.describe(p, row)
	return response, nil
}

// GetChannel describes a channel, also one that nobody has published to.
func (h *Hub) GetChannel(ctx context.Context, r *weirpb.GetChannelRequest) (*weirpb.Channel, error) {
	p, err := h.findToRead(ctx, r)
	if err != nil {
		return nil, err
	}
	row, err := p.part.reader.Channel(p.id)
	if err != nil {
		return nil, h.readFault(err)
	}
	return h.describe(p, row), nil
}
