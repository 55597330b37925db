package hubclient

import (
	"context"
	"crypto/sha256"
	"errors"

	"github.com/quic-go/quic-go"
	"google.golang.org/protobuf/proto"

	"weir/hub/internal/linkwire"
	"weir/proto/fault"
	"weir/proto/frame"
	"weir/proto/linkpb"
	"weir/proto/weirpb"
)

// Follow calls deliver with the channel's batches, one call at a time, until ctx ends, deliver fails or the node that leads
// the channel's shard is lost or leads no longer; it returns why. The caller calls again with the last cursor that it got.
// Until the first batch, it finds the leader by itself.
func (c *Client) Follow(
	ctx context.Context, tenant, channel string, from *weirpb.Cursor, deliver func(*weirpb.FeedBatch) error,
) error {
	request := &linkpb.Follow{Tenant: tenant, Channel: channel, From: from}
	begun := false
	first := func(batch *weirpb.FeedBatch) error {
		begun = true
		return deliver(batch)
	}
	return c.onLeader(ctx, channelOf(tenant, channel), func(ctx context.Context, s *session) (bool, error) {
		var err error
		if s.local != nil {
			err = s.local.Hub.Follow(ctx, tenant, channel, from, first)
		} else {
			err = ask(ctx, s, linkwire.Follow, request, linkwire.Feed, linkwire.MaxFeed, first)
		}
		return !begun && s.elsewhere(err), err
	})
}

// elsewhere reports whether a read that failed may succeed at another node, or the same in a moment: a new leader may have
// to catch up with what the region has before it can tell what there is not.
func (s *session) elsewhere(err error) bool {
	switch fault.CodeOf(err) {
	case fault.NotLeader, fault.Unavailable:
		return true
	}
	return err != nil && s.lost()
}

// WatchControl calls deliver with the whole control state, then with each change, one call at a time, until ctx ends,
// deliver fails or the hub is lost; it returns why. The caller calls again, and gets a reset.
func (c *Client) WatchControl(ctx context.Context, deliver func(*weirpb.ControlUpdate) error) error {
	s, err := c.anyNode(ctx)
	if err != nil {
		return err
	}
	if s.local != nil {
		return s.local.Hub.WatchControl(ctx, deliver)
	}
	return ask(ctx, s, linkwire.Watch, &linkpb.Watch{}, linkwire.Control, linkwire.MaxControl, deliver)
}

// ControlIndex returns an index of the control state at which it has all that had been answered to anybody before the call.
// WatchControl, where it is under way, delivers that index or a later one within moments. It is 0 if the hub, being older,
// does not tell.
func (c *Client) ControlIndex(ctx context.Context) (uint64, error) {
	s, err := c.anyNode(ctx) // the one that WatchControl watches
	switch {
	case err != nil:
		return 0, err
	case s.local != nil:
		return s.local.Hub.ControlIndex(ctx)
	case !s.indexes:
		return 0, nil
	}
	answer, err := one[linkpb.ControlIndexed](ctx, s, linkwire.Index, &linkpb.ControlIndex{}, linkwire.Indexed, linkwire.MaxRequest)
	return answer.GetIndex(), err
}

// History reads a page of the window.
func (c *Client) History(ctx context.Context, request *weirpb.HistoryRequest) (page *weirpb.HistoryResponse, err error) {
	to := channelOf(request.GetTenant(), request.GetChannel())
	err = c.onLeader(ctx, to, func(ctx context.Context, s *session) (bool, error) {
		var err error
		if s.local != nil {
			page, err = s.local.Hub.History(ctx, request)
		} else {
			page, err = one[weirpb.HistoryResponse](ctx, s, linkwire.History, request, linkwire.Page, linkwire.MaxPage)
		}
		return s.elsewhere(err), err
	})
	if err != nil {
		return nil, err
	}
	return page, nil
}

// Module returns the filter module with this SHA-256.
func (c *Client) Module(ctx context.Context, digest []byte) ([]byte, error) {
	s, err := c.anyNode(ctx) // the one that has told of the module
	if err != nil {
		return nil, err
	}
	if s.local != nil {
		return s.local.Hub.Module(ctx, digest)
	}
	var module []byte
	request := &linkpb.Module{Digest: digest}
	err = ask(ctx, s, linkwire.Module, request, linkwire.Chunk, linkwire.MaxChunk, func(m *linkpb.Chunk) error {
		if len(module)+len(m.GetData()) > linkwire.MaxModule {
			return fault.New(fault.Internal, "the hub sends a module of more than %d bytes", linkwire.MaxModule)
		}
		module = append(module, m.GetData()...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(module); string(sum[:]) != string(digest) {
		return nil, fault.New(fault.Internal, "the hub has sent another module than the one asked for")
	}
	return module, nil
}

// EndCanary tells the hub that a canary has failed, if it is still the trial that began at sinceMs, milliseconds since the
// Unix epoch.
func (c *Client) EndCanary(ctx context.Context, tenant, filter string, version uint32, sinceMs int64) error {
	request := &linkpb.EndCanary{Tenant: tenant, Filter: filter, Version: version, SinceMs: sinceMs}
	return c.onLeader(ctx, controlGroup, func(ctx context.Context, s *session) (bool, error) {
		var err error
		if s.local != nil {
			err = s.local.Hub.EndCanary(ctx, tenant, filter, version, sinceMs)
		} else {
			err = ask(ctx, s, linkwire.Canary, request, linkwire.End, linkwire.MaxRequest, func(*linkpb.End) error { return nil })
		}
		return s.elsewhere(err), err // ending a trial that has ended changes nothing
	})
}

// one asks for an answer of one frame.
func one[M any, P interface {
	*M
	proto.Message
}](ctx context.Context, s *session, kind frame.Type, request proto.Message, want frame.Type, limit int) (P, error) {
	var answer P
	err := ask(ctx, s, kind, request, want, limit, func(m P) error {
		answer = m
		return nil
	})
	if err == nil && answer == nil {
		err = fault.New(fault.Internal, "the hub's answer is empty")
	}
	return answer, err
}

// ask sends a request on a stream of its own and calls each with every frame of the answer, until it is complete, which
// is nil, or can't be. A slow each fills the stream's window, so that the hub sends no more of this stream alone.
func ask[M any, P interface {
	*M
	proto.Message
}](ctx context.Context, s *session, kind frame.Type, request proto.Message, want frame.Type, limit int, each func(P) error) error {
	open := s.client.metrics.streams.WithLabelValues(linkwire.Name(kind))
	open.Inc()
	defer open.Dec()
	stream, err := s.conn.OpenStream()
	if err != nil {
		return s.over(ctx, err)
	}
	defer stream.CancelRead(linkwire.CodeDone)
	defer context.AfterFunc(ctx, func() {
		stream.CancelRead(linkwire.CodeDone)
		stream.CancelWrite(linkwire.CodeDone)
	})()
	if err := linkwire.NewWriter(stream).Send(kind, request, longest(kind)); err != nil {
		stream.CancelWrite(linkwire.CodeDone)
		return s.over(ctx, err)
	}
	_ = stream.Close() // a request is one frame; what goes wrong with it shows when the answer is read
	answer := linkwire.NewReader(stream, limit)
	for {
		m := P(new(M))
		if err := answer.Answer(want, m); err != nil {
			return s.over(ctx, err)
		}
		if err := each(m); err != nil {
			return err
		}
	}
}

// longest returns how long a request may be, in bytes.
func longest(kind frame.Type) int {
	if kind == linkwire.Call {
		return linkwire.MaxCall
	}
	return linkwire.MaxRequest
}

// over says what err, with which a request ended, means to its caller; nil: the answer is complete.
func (s *session) over(ctx context.Context, err error) error {
	var (
		end  *linkwire.Ended
		full *quic.StreamLimitReachedError
		own  *fault.Fault
	)
	switch {
	case errors.As(err, &end):
		if end.Fault == nil {
			return nil
		}
		return end.Fault
	case errors.As(err, &own):
		return own
	case ctx.Err() != nil:
		return ended(ctx)
	case errors.As(err, &full):
		return fault.New(fault.Busy, "this edge has as many requests open as its hub allows")
	}
	s.violation(err)
	return fault.New(fault.Unavailable, "the connection to the hub was lost").WithCause(err)
}
