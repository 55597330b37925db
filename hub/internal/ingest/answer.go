package ingest

import (
	"bytes"
	"time"

	"google.golang.org/protobuf/proto"

	"weir/hub/internal/shard"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

// Applied tells followers of an entry's events and answers those who wait for it, if it is one of ours: an entry of an
// earlier leader is only emitted. It is called for each applied Append, in order.
func (g *Ingest) Applied(proposal uint64, outcomes []shard.Outcome) {
	g.emitting.Lock()
	freed := g.free(func(b *batch) bool { return b.proposal == proposal })
	if len(freed) == 0 || freed[0].proposal != proposal {
		g.emitAll(outcomes)
		outcomes = nil
	}
	g.emit(freed, outcomes)
	g.emitting.Unlock()
	g.tell(freed, outcomes)
}

// emitAll emits the events of an entry that nobody here waits for. It requires emitting.
func (g *Ingest) emitAll(outcomes []shard.Outcome) {
	for i := range outcomes {
		g.runs.add(outcomes[i].Channel, outcomes[i].Event)
	}
	g.runs.flush(g.config.Emit)
}

// emit tells followers what the batches have become, in the order of their items. The outcomes are those of the first. It
// requires emitting.
func (g *Ingest) emit(batches []*batch, outcomes []shard.Outcome) {
	for _, b := range batches {
		for _, i := range b.items {
			switch {
			case i.Ephemeral:
				g.runs.add(i.Channel, ephemeral(i, g.config.Now()))
			case len(outcomes) > 0:
				g.runs.add(outcomes[0].Channel, outcomes[0].Event)
				outcomes = outcomes[1:]
			}
		}
	}
	g.runs.flush(g.config.Emit)
}

// tell answers the publishers.
func (g *Ingest) tell(batches []*batch, outcomes []shard.Outcome) {
	now := g.config.Now()
	for _, b := range batches {
		for _, i := range b.items {
			switch {
			case i.Ephemeral:
				i.Done(&weirpb.Receipt{Epoch: i.Epoch, TimeMs: now.UnixMilli()}, nil)
			case len(outcomes) == 0: // never, as each logged item has an outcome
				i.Done(nil, unknown(nil))
			default:
				done(i, &outcomes[0])
				outcomes = outcomes[1:]
			}
		}
		if b.proposal != 0 {
			g.config.Metrics.Commit.Observe(now.Sub(b.began).Seconds())
		}
	}
}

func done(i *Item, o *shard.Outcome) {
	if o.Fault != nil {
		i.Done(nil, o.Fault)
		return
	}
	i.Done(&weirpb.Receipt{Epoch: o.Epoch, Offset: o.Offset, Duplicate: o.Duplicate, TimeMs: o.TimeMs}, nil)
}

// fail answers those who wait for a batch that has not been applied, or not as one of this leader's.
func (g *Ingest) fail(b *batch, err error) {
	refused := unknown(err)
	if g.config.Certain(err) {
		refused = fault.New(fault.NotLeader, "this node does not lead the channel's shard any more").WithCause(err)
	}
	g.emitting.Lock()
	freed := g.free(func(other *batch) bool { return other == b })
	if len(freed) > 0 && freed[0] == b {
		freed = freed[1:]
		defer refuse(b.items, refused)
	}
	g.emit(freed, nil)
	g.emitting.Unlock()
	g.tell(freed, nil)
}

func refuse(items []*Item, why *fault.Fault) {
	for _, i := range items {
		i.Done(nil, why)
	}
}

// unknown is what a publisher is told whose publication may or may not have been accepted.
func unknown(err error) *fault.Fault {
	return fault.New(fault.Timeout, "the publication may or may not have been accepted").
		WithHint("send it again under the same producer and sequence: it will not be published twice").WithCause(err)
}

// ephemeral makes the event that followers get. It shares no memory with the publication, which is its sender's again
// once it has been answered.
func ephemeral(i *Item, now time.Time) *weirpb.Event {
	p := i.Publication
	e := &weirpb.Event{
		TimeMs: now.UnixMilli(), Key: p.GetKey(), Payload: bytes.Clone(p.GetPayload()), ContentType: p.GetContentType(),
	}
	for _, h := range p.GetHeaders() {
		e.Headers = append(e.Headers, proto.CloneOf(h))
	}
	return e
}
