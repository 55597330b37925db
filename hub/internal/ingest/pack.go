package ingest

import (
	"time"

	"weir/hub/internal/entry"
	"weir/proto/fault"
	"weir/proto/logpb"
)

// A batch is what is on its way together: the items of one entry, with ephemeral ones among them in their places.
type batch struct {
	// proposal is the entry's number, 0 for a batch of ephemeral items alone, which waits for those before it.
	proposal uint64
	items    []*Item
	bytes    int
	began    time.Time
}

// pack makes batches of what waits and hands them to Raft until the ingest is closed and the queue is empty.
func (g *Ingest) pack() {
	for {
		b, logged := g.next()
		if b == nil {
			return
		}
		encoded := g.prepare(b, logged)
		if encoded == nil {
			continue
		}
		future := g.config.Propose(encoded)
		g.running.Go(func() {
			if err := future.Error(); err != nil {
				g.fail(b, err)
			}
		})
	}
}

// Pack makes one entry of what waits, if there is something and there is room on the way, and returns it for the caller to
// propose; nil if there is none. failed is to be called if the entry fails. It is for an Ingest without a goroutine.
func (g *Ingest) Pack() (entry []byte, failed func(error)) {
	for {
		g.mu.Lock()
		b, logged := g.begin()
		g.mu.Unlock()
		if b == nil {
			return nil, nil
		}
		if entry := g.prepare(b, logged); entry != nil {
			return entry, func(err error) { g.fail(b, err) }
		}
	}
}

// prepare returns a batch's entry, nil where there is nothing to propose.
func (g *Ingest) prepare(b *batch, logged int) (entry []byte) {
	if logged == 0 {
		g.pass()
		return nil
	}
	entry, err := g.encode(b, logged)
	if err != nil { // text that is not UTF-8, which the hub refuses before it comes here
		g.fail(b, err)
		return nil
	}
	return entry
}

// next waits until there are items and room on the way, and puts there as many as fit into an entry. It returns nil once
// the ingest is closed and all is taken.
func (g *Ingest) next() (b *batch, logged int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for {
		if !g.gathering() {
			if b, logged := g.begin(); b != nil {
				return b, logged
			}
		}
		if g.closing && len(g.queue) == 0 {
			return nil, 0
		}
		g.changed.Wait()
	}
}

// begin puts as many items on the way as fit into an entry. It returns nil if there are none or there is no room. It
// requires mu.
func (g *Ingest) begin() (b *batch, logged int) {
	if !g.room() {
		return nil, 0
	}
	b = &batch{began: g.config.Now()}
	b.items, b.bytes = g.take()
	for _, i := range b.items {
		if !i.Ephemeral {
			logged++
		}
	}
	if logged > 0 {
		g.proposal++
		b.proposal = g.proposal
	}
	g.batches = append(g.batches, b)
	return b, logged
}

// room reports whether something waits that may go on the way: alone, or behind others if it is worth an entry of its own
// or needs none. It requires mu.
func (g *Ingest) room() bool {
	switch {
	case len(g.queue) == 0 || len(g.batches) >= inFlight:
		return false
	case len(g.batches) == 0:
		return true
	}
	return g.queue[0].Ephemeral || g.bytes >= followBytes
}

// take requires mu. Ephemeral items that are first do not wait for an entry with those behind them.
func (g *Ingest) take() (taken []*Item, size int) {
	n, first := 0, g.queue[0].Ephemeral
	for n < len(g.queue) && (!first || g.queue[n].Ephemeral) {
		s := g.queue[n].size()
		if n > 0 && size+s > EntryBytes {
			break
		}
		size += s
		n++
	}
	taken = g.queue[:n:n]
	g.queue = g.queue[n:]
	g.bytes -= size
	return taken, size
}

// encode makes a batch's entry.
func (g *Ingest) encode(b *batch, logged int) ([]byte, error) {
	known := map[*logpb.Settings]uint32{}
	submissions := make([]logpb.Submission, logged) // at once: an entry has a hundred of them
	c := &logpb.Append{Submissions: make([]*logpb.Submission, 0, logged)}
	for _, i := range b.items {
		if i.Ephemeral {
			continue
		}
		n, ok := known[i.Settings]
		if !ok {
			n = uint32(len(c.Settings))
			known[i.Settings] = n
			c.Settings = append(c.Settings, i.Settings)
		}
		next := &submissions[len(c.Submissions)]
		next.Settings, next.Publication = n, i.Publication
		c.Submissions = append(c.Submissions, next)
	}
	encoded, err := entry.Encode(&logpb.Entry{
		TimeMs: b.began.UnixMilli(), Proposal: b.proposal, Shard: uint32(g.config.Shard),
		Command: &logpb.Entry_Append{Append: c},
	})
	g.config.Metrics.BatchEvents.Observe(float64(logged))
	g.config.Metrics.BatchBytes.Observe(float64(len(encoded)))
	return encoded, err
}

// pass answers batches of ephemeral items that nothing is before any more.
func (g *Ingest) pass() {
	g.emitting.Lock()
	free := g.free(nil)
	g.emit(free, nil)
	g.emitting.Unlock()
	g.tell(free, nil)
}

// free takes a batch off the way, and the ephemeral ones that had waited for it. Its caller holds emitting until they are
// emitted. is may be nil; the batch that it is for is the first one returned, if it is there.
func (g *Ingest) free(is func(*batch) bool) (freed []*batch) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for n, b := range g.batches {
		if is != nil && is(b) {
			freed = append(freed, b)
			g.batches = append(g.batches[:n:n], g.batches[n+1:]...)
			break
		}
	}
	for len(g.batches) > 0 && g.batches[0].proposal == 0 {
		freed = append(freed, g.batches[0])
		g.batches = g.batches[1:]
	}
	if len(g.batches) == 0 && len(freed) > 0 {
		g.gather(freed, g.config.Now().Sub(freed[0].began))
	}
	g.changed.Signal()
	return freed
}

// abandon answers all who still wait.
func (g *Ingest) abandon() {
	g.mu.Lock()
	queue, batches := g.queue, g.batches
	g.queue, g.batches, g.bytes = nil, nil, 0
	g.changed.Broadcast()
	g.mu.Unlock()
	refuse(queue, fault.New(fault.Unavailable, "the hub is shutting down"))
	for _, b := range batches {
		refuse(b.items, unknown(nil))
	}
}
