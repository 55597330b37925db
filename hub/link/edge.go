package link

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/quic-go/quic-go"
	"google.golang.org/protobuf/proto"

	"weir/hub/ca"
	"weir/hub/internal/linkwire"
	"weir/proto/fault"
	"weir/proto/frame"
	"weir/proto/linkpb"
	"weir/proto/weirpb"
)

// An edge is one connected edge. Each of its streams has a goroutine, and edge.serve waits for them all.
type edge struct {
	server   *Server
	conn     *quic.Conn
	log      *slog.Logger
	violated sync.Once
	greeted  atomic.Bool // there is one publish stream
}

// violation closes the edge's connection for good reason, with one line of log however many streams find one.
func (e *edge) violation(err error) {
	e.violated.Do(func() {
		e.log.Warn("a peer breaks the protocol of the link, its connection is closed", "reason", err)
		e.server.metrics.violations.Inc()
		_ = e.conn.CloseWithError(linkwire.CodeViolation, err.Error())
	})
}

// admitEvery is how often it is looked whether a hub that is connected has been removed from the region.
const admitEvery = time.Second

// admit closes the connection of a hub that was removed from the region, and reports whether it goes on. Edges are no nodes.
func (e *edge) admit() bool {
	if e.server.cfg.Admit == nil || !e.isHub() {
		return true
	}
	name, err := ca.PeerName(e.conn.ConnectionState().TLS)
	if err == nil {
		err = e.server.cfg.Admit(name.Node)
	}
	if err != nil {
		e.log.Warn("a hub is refused on the link", "node", name.Node, "reason", err)
		_ = e.conn.CloseWithError(linkwire.CodeRemoved, err.Error())
	}
	return err == nil
}

// watchAdmission looks, until ctx ends, whether the peer may go on.
func (e *edge) watchAdmission(ctx context.Context) {
	if e.server.cfg.Admit == nil || !e.isHub() {
		return
	}
	every := time.NewTicker(admitEvery)
	defer every.Stop()
	for e.admit() {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
	}
}

// firstFrame is how long a stream may take to say what it is.
const firstFrame = 5 * time.Second

// serve serves the edge's streams until ctx ends.
func (e *edge) serve(ctx context.Context) {
	var streams sync.WaitGroup
	defer streams.Wait()
	for {
		stream, err := e.conn.AcceptStream(ctx)
		if err != nil {
			return
		}
		streams.Go(func() { e.serveStream(ctx, stream) })
	}
}

func (e *edge) serveStream(ctx context.Context, stream *quic.Stream) {
	// A stream is done when both its directions are; otherwise it would count as open for ever.
	defer stream.CancelRead(linkwire.CodeDone)
	defer stream.Close()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(stream.Context(), stop)() // the edge no longer reads
	_ = stream.SetReadDeadline(time.Now().Add(firstFrame))
	// What can't be read or written ends the stream, what must not be said ends the connection.
	if err := e.dispatch(ctx, stream); linkwire.IsViolation(err) {
		e.violation(err)
	}
}

func (e *edge) dispatch(ctx context.Context, stream *quic.Stream) error {
	r := linkwire.NewReader(stream, e.longest())
	t, body, err := r.Next()
	if err != nil {
		return err
	}
	_ = stream.SetReadDeadline(time.Time{})
	if !e.admit() {
		return nil
	}
	switch t {
	case linkwire.Hello:
		return e.serveHello(ctx, stream, r, body)
	case linkwire.Call:
		return e.serveCall(ctx, stream, body)
	}
	return e.serveRequest(ctx, stream, t, body)
}

// serveRequest answers the one request of a stream. The error is a violation or says that the edge can't be written to.
func (e *edge) serveRequest(ctx context.Context, stream *quic.Stream, t frame.Type, body []byte) error {
	answer, ok := answers[t]
	if !ok {
		return fmt.Errorf("%w: %s as the first of a stream", linkwire.ErrUnexpected, linkwire.Name(t))
	}
	kind := linkwire.Name(t)
	request := answer.request()
	if err := frame.Decode(body, request); err != nil {
		return fmt.Errorf("%s: %w", kind, err)
	}
	return e.answer(ctx, stream, kind, func(send sender) error { return answer.serve(ctx, e.server.hub, request, send) })
}

// answer lets serve write an answer, and ends it.
func (e *edge) answer(ctx context.Context, stream *quic.Stream, kind string, serve func(sender) error) error {
	open := e.server.metrics.streams.WithLabelValues(kind)
	open.Inc()
	defer open.Dec()
	w := linkwire.NewWriter(stream)
	err := serve(w.Send)
	if stream.Context().Err() != nil {
		e.server.metrics.answered(kind, nil) // the edge has had enough, or has gone
		return nil
	}
	f := e.ending(ctx, kind, err)
	e.server.metrics.answered(kind, f)
	return w.SendEnd(f)
}

// ending returns what an edge is told about the end of an answer; nil: it is complete.
func (e *edge) ending(ctx context.Context, kind string, err error) *fault.Fault {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return going.WithCause(err)
	}
	f := fault.From(err)
	if f.Code == fault.Internal {
		e.log.Error("a request of an edge failed", "request", kind, "reason", f.Message, "cause", f.Cause)
	}
	return f
}

// going is what a hub that ends leaves its edges with.
var going = fault.New(fault.Unavailable, "the hub is going away")

// A sender writes one frame of an answer.
type sender func(t frame.Type, m proto.Message, limit int) error

// An answer is how one kind of request is served.
type answer struct {
	request func() proto.Message
	serve   func(context.Context, Hub, proto.Message, sender) error
}

var answers = map[frame.Type]answer{
	linkwire.Follow:  {func() proto.Message { return &linkpb.Follow{} }, serveFollow},
	linkwire.Routes:  {func() proto.Message { return &linkpb.WatchRoutes{} }, serveRoutes},
	linkwire.Watch:   {func() proto.Message { return &linkpb.Watch{} }, serveWatch},
	linkwire.Index:   {func() proto.Message { return &linkpb.ControlIndex{} }, serveIndex},
	linkwire.History: {func() proto.Message { return &weirpb.HistoryRequest{} }, serveHistory},
	linkwire.Module:  {func() proto.Message { return &linkpb.Module{} }, serveModule},
	linkwire.Canary:  {func() proto.Message { return &linkpb.EndCanary{} }, serveCanary},
	linkwire.Report:  {func() proto.Message { return &weirpb.EdgeReport{} }, serveReport},
}

func serveFollow(ctx context.Context, hub Hub, m proto.Message, send sender) error {
	r := m.(*linkpb.Follow)
	return hub.Follow(ctx, r.GetTenant(), r.GetChannel(), r.GetFrom(), func(batch *weirpb.FeedBatch) error {
		return send(linkwire.Feed, batch, linkwire.MaxFeed)
	})
}

func serveWatch(ctx context.Context, hub Hub, _ proto.Message, send sender) error {
	return hub.WatchControl(ctx, func(update *weirpb.ControlUpdate) error {
		return send(linkwire.Control, update, linkwire.MaxControl)
	})
}

func serveIndex(ctx context.Context, hub Hub, _ proto.Message, send sender) error {
	index, err := hub.ControlIndex(ctx)
	if err != nil {
		return err
	}
	return send(linkwire.Indexed, &linkpb.ControlIndexed{Index: index}, linkwire.MaxRequest)
}

func serveRoutes(ctx context.Context, hub Hub, _ proto.Message, send sender) error {
	return hub.WatchRoutes(ctx, func(routes *linkpb.Routes) error {
		return send(linkwire.Table, routes, linkwire.MaxTable)
	})
}

func serveHistory(ctx context.Context, hub Hub, m proto.Message, send sender) error {
	page, err := hub.History(ctx, m.(*weirpb.HistoryRequest))
	if err != nil {
		return err
	}
	return send(linkwire.Page, page, linkwire.MaxPage)
}

func serveCanary(ctx context.Context, hub Hub, m proto.Message, _ sender) error {
	r := m.(*linkpb.EndCanary)
	return hub.EndCanary(ctx, r.GetTenant(), r.GetFilter(), r.GetVersion(), r.GetSinceMs())
}

func serveReport(ctx context.Context, hub Hub, m proto.Message, _ sender) error {
	stats, ok := hub.(FilterStats)
	if !ok {
		return fault.New(fault.Unavailable, "this hub does not add up what edges report")
	}
	return stats.ReportFilters(ctx, m.(*weirpb.EdgeReport))
}

func serveModule(ctx context.Context, hub Hub, m proto.Message, send sender) error {
	module, err := hub.Module(ctx, m.(*linkpb.Module).GetDigest())
	if err != nil {
		return err
	}
	const piece = linkwire.MaxChunk - 1<<10 // room for what is around the bytes
	for len(module) > 0 {
		n := min(len(module), piece)
		if err := send(linkwire.Chunk, &linkpb.Chunk{Data: module[:n]}, linkwire.MaxChunk); err != nil {
			return err
		}
		module = module[n:]
	}
	return nil
}
