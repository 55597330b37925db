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

// Follow calls deliver with the channel's batches, one call at a time, until ctx ends, deliver fails or the hub is lost; it
// returns why. The caller calls again with the last cursor that it got.
func (c *Client) Follow(
	ctx context.Context, tenant, channel string, from *weirpb.Cursor, deliver func(*weirpb.FeedBatch) error,
) error {
	request := &linkpb.Follow{Tenant: tenant, Channel: channel, From: from}
	return ask(ctx, c, linkwire.Follow, request, linkwire.Feed, linkwire.MaxFeed, deliver)
}

// WatchControl calls deliver with the whole control state, then with each change, one call at a time, until ctx ends,
// deliver fails or the hub is lost; it returns why. The caller calls again, and gets a reset.
func (c *Client) WatchControl(ctx context.Context, deliver func(*weirpb.ControlUpdate) error) error {
	return ask(ctx, c, linkwire.Watch, &linkpb.Watch{}, linkwire.Control, linkwire.MaxControl, deliver)
}

// History reads a page of the window.
func (c *Client) History(ctx context.Context, request *weirpb.HistoryRequest) (*weirpb.HistoryResponse, error) {
	var page *weirpb.HistoryResponse
	err := ask(ctx, c, linkwire.History, request, linkwire.Page, linkwire.MaxPage, func(m *weirpb.HistoryResponse) error {
		page = m
		return nil
	})
	if err == nil && page == nil {
		err = fault.New(fault.Internal, "the hub's answer is empty")
	}
	return page, err
}

// Module returns the filter module with this SHA-256.
func (c *Client) Module(ctx context.Context, digest []byte) ([]byte, error) {
	var module []byte
	request := &linkpb.Module{Digest: digest}
	err := ask(ctx, c, linkwire.Module, request, linkwire.Chunk, linkwire.MaxChunk, func(m *linkpb.Chunk) error {
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
	return ask(ctx, c, linkwire.Canary, request, linkwire.End, linkwire.MaxRequest, func(*linkpb.End) error { return nil })
}

// ask sends a request on a stream of its own and calls each with every frame of the answer, until it is complete, which
// is nil, or can't be. A slow each fills the stream's window, so that the hub sends no more of this stream alone.
func ask[M any, P interface {
	*M
	proto.Message
}](ctx context.Context, c *Client, kind frame.Type, request proto.Message, want frame.Type, limit int, each func(P) error) error {
	open := c.metrics.streams.WithLabelValues(linkwire.Name(kind))
	open.Inc()
	defer open.Dec()
	s, err := c.connection(ctx)
	if err != nil {
		return err
	}
	stream, err := s.conn.OpenStream()
	if err != nil {
		return s.over(ctx, err)
	}
	defer stream.CancelRead(linkwire.CodeDone)
	defer context.AfterFunc(ctx, func() {
		stream.CancelRead(linkwire.CodeDone)
		stream.CancelWrite(linkwire.CodeDone)
	})()
	if err := linkwire.NewWriter(stream).Send(kind, request, linkwire.MaxRequest); err != nil {
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
