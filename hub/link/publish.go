package link

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/quic-go/quic-go"

	"weir/hub/internal/linkwire"
	"weir/proto/fault"
	"weir/proto/frame"
	"weir/proto/linkpb"
	"weir/proto/weirpb"
)

// maxInFlight bounds the publications of one edge that wait for the hub or whose answers wait for the edge. Beyond it the
// stream is not read: the edge's own bound, which is no higher, has then been broken or its answers are not being read.
const maxInFlight = 8192

// A publishing is the publish stream of one edge. Its reader hands publications over in order; the hub answers from
// goroutines of its own, in any order; its writer sends what answers there are.
type publishing struct {
	edge  *edge
	slots chan struct{} // one for each publication in flight
	wake  chan struct{} // holds at most one token: there are answers

	mu      sync.Mutex
	answers []byte // guarded by mu; encoded PUBLISHED frames
	count   int    // guarded by mu; how many
}

func (e *edge) serveHello(ctx context.Context, stream *quic.Stream, r *linkwire.Reader, body []byte) error {
	hello := &linkpb.Hello{}
	if err := frame.Decode(body, hello); err != nil {
		return fmt.Errorf("HELLO: %w", err)
	}
	if !e.greeted.CompareAndSwap(false, true) {
		return fmt.Errorf("%w: a second HELLO", linkwire.ErrUnexpected)
	}
	cfg := e.server.cfg
	w := linkwire.NewWriter(stream)
	welcome := &linkpb.Welcome{Node: cfg.Node, Agent: cfg.Agent, ControlIndex: true, Reports: cfg.Stats != nil}
	if err := w.Send(linkwire.Welcome, welcome, linkwire.MaxPublished); err != nil {
		return err
	}
	e.log.Info("link is up", "agent", hello.GetAgent())
	defer context.AfterFunc(ctx, func() { _ = stream.SetReadDeadline(time.Unix(1, 0)) })()
	p := &publishing{edge: e, slots: make(chan struct{}, maxInFlight), wake: make(chan struct{}, 1)}
	if err := p.serve(ctx, stream, r); err != nil {
		return err
	}
	return w.SendEnd(going)
}

// serve publishes until the stream or ctx ends, and answers what has been handed over until then. The error is why the
// stream can't be served further; nil if it has come to its end or ctx has.
func (p *publishing) serve(ctx context.Context, stream *quic.Stream, r *linkwire.Reader) error {
	writing, stopWriting := context.WithCancel(stream.Context())
	var writer sync.WaitGroup
	writer.Go(func() { p.write(writing, stream) })
	defer writer.Wait()
	defer stopWriting()
	err := p.read(ctx, r)
	if err != nil && ctx.Err() == nil {
		return err
	}
	p.drain(stream.Context())
	return nil
}

// read hands the edge's publications to the hub until the stream ends.
func (p *publishing) read(ctx context.Context, r *linkwire.Reader) error {
	r = r.PublishReader(linkwire.MaxPublish)
	m := &linkpb.Publish{} // the hub keeps the publication, which is another one each time
	for {
		body, err := r.Body(linkwire.Publish)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := linkwire.ReadPublish(body, m); err != nil {
			return err
		}
		select {
		case p.slots <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		p.edge.server.metrics.inFlight.Inc()
		p.hand(m)
	}
}

// hand hands a publication to the hub, unless it was meant for a leader that the hub no longer is.
func (p *publishing) hand(m *linkpb.Publish) {
	hub, id := p.edge.server.cfg.Hub, m.GetId()
	if m.GetTerm() != 0 {
		if err := hub.Leads(m.GetTenant(), m.GetPublication().GetChannel(), m.GetTerm()); err != nil {
			p.answer(id, nil, err)
			return
		}
	}
	hub.Publish(m.GetTenant(), m.GetPublication(), func(receipt *weirpb.Receipt, err error) { p.answer(id, receipt, err) })
}

// answer queues what became of a publication. It never blocks: there are at most maxInFlight in the queue.
func (p *publishing) answer(id uint64, receipt *weirpb.Receipt, err error) {
	var f *fault.Fault
	if err != nil {
		f = fault.From(err)
	}
	p.edge.server.metrics.inFlight.Dec()
	p.edge.server.metrics.published(f)
	p.mu.Lock()
	if f == nil {
		p.answers = linkwire.AppendReceipt(p.answers, id, receipt)
	} else {
		p.answers = appendFault(p.answers, id, f)
	}
	p.count++
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// appendFault appends the PUBLISHED frame of a publication that was not accepted.
func appendFault(dst []byte, id uint64, f *fault.Fault) []byte {
	encoded, err := frame.Append(dst, linkwire.Published, &linkpb.Published{Id: id, Fault: f.ToProto()})
	if err != nil { // a text that is no UTF-8
		return appendFault(dst, id, fault.New(fault.Internal, "the hub's answer can't be encoded"))
	}
	return encoded
}

// write sends answers, all that there are at once, until ctx ends.
func (p *publishing) write(ctx context.Context, stream io.Writer) {
	var spare []byte
	for {
		select {
		case <-p.wake:
		case <-ctx.Done():
			return
		}
		p.mu.Lock()
		batch, count := p.answers, p.count
		p.answers, p.count = spare[:0], 0
		p.mu.Unlock()
		if _, err := stream.Write(batch); err != nil {
			return // the edge has gone: there is nobody to answer, and it publishes no more
		}
		spare = batch
		for range count {
			<-p.slots
		}
	}
}

// drain waits until everything accepted has been answered, a while at most.
func (p *publishing) drain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, goodbye)
	defer cancel()
	for range cap(p.slots) {
		select {
		case p.slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
	}
}
