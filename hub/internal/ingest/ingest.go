// Package ingest packs publications into entries of the Raft log. Whatever waits goes into the next entry: nothing waits
// when there is no load, and under load an entry is as large as what came while the one before was written.
package ingest

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"weir/hub/internal/placement"
	"weir/hub/internal/shard"
	"weir/proto/fault"
	"weir/proto/logpb"
	"weir/proto/weirpb"
)

// Bounds of what waits and of what is on its way.
const (
	// EntryBytes is the longest entry: hashicorp/raft delays heartbeats from 512 KiB on.
	EntryBytes = 256 << 10
	// queueCount and queueBytes bound what waits to be packed: about a second of what one shard can order.
	queueCount = 32 << 10
	queueBytes = 32 << 20
	// inFlight is how many entries may be on their way, but those behind the first only once followBytes wait: many small
	// entries would cost more than they are early.
	inFlight    = 4
	followBytes = 128 << 10
	// retryAfter is when a refused publisher should come again: much of the queue has gone by then.
	retryAfter = 100 * time.Millisecond
)

// An Item is a publication that waits for being ordered.
type Item struct {
	Channel  shard.ChannelID
	Settings *logpb.Settings
	Epoch    uint64
	// Publication is not changed, and must not be until Done is called.
	Publication *weirpb.Publication
	// Ephemeral publications are not logged: they are emitted when those before them have been.
	Ephemeral bool
	// Done is called exactly once, must not block, and may be called before Submit returns.
	Done func(*weirpb.Receipt, error)
}

// size is about what an item takes in an entry and in memory.
func (i *Item) size() int {
	p := i.Publication
	n := 64 + len(p.GetChannel()) + len(p.GetKey()) + len(p.GetPayload()) + len(p.GetContentType()) + len(p.GetProducer())
	for _, h := range p.GetHeaders() {
		n += 8 + len(h.GetName()) + len(h.GetValue())
	}
	return n
}

// A Future is an entry on its way. Error waits until it has been applied or given up.
type Future interface{ Error() error }

// Config says what an Ingest is made of.
type Config struct {
	Shard placement.Shard
	// Propose hands an entry to Raft, in order of the calls.
	Propose func(entry []byte) Future
	// Certain reports whether an entry that failed so has certainly not been accepted.
	Certain func(error) bool
	// Emit tells followers of events of a channel, in order.
	Emit func(shard.ChannelID, []*weirpb.Event)
	// Now is the leader's clock.
	Now     func() time.Time
	Metrics Metrics
}

// Metrics are told what happens. None may be nil.
type Metrics struct {
	BatchEvents, BatchBytes, Commit prometheus.Observer
}

// An Ingest packs the publications of one shard. It is safe for concurrent use.
type Ingest struct {
	config Config

	// emitting is held while events are emitted, so that they come in order. It is taken before mu, and never while a Done
	// is called: that may submit the next item.
	emitting sync.Mutex
	runs     runs // guarded by emitting

	mu sync.Mutex
	// queue has what waits, bytes its size. Guarded by mu.
	queue []*Item
	bytes int
	// batches are on their way, oldest first; the first is never one of ephemeral items alone. Guarded by mu.
	batches []*batch
	// proposal numbers the entries, from a random start, so that an entry of an earlier life of this node is not taken
	// for one of this. Guarded by mu.
	proposal uint64
	// expected is how many items the next entry waits for, until patience runs out; without a timer it waits for none.
	// Guarded by mu.
	expected int
	patience *time.Timer
	// closing refuses new items. Guarded by mu.
	closing bool
	// changed is signalled when there is something to pack, room on the way, or closing.
	changed *sync.Cond

	running sync.WaitGroup
}

// New starts an Ingest. first is a random number.
func New(c Config, first uint64) *Ingest {
	g := Stepped(c, first)
	g.patience = time.AfterFunc(gatherMost, g.gathered)
	g.running.Go(g.pack)
	return g
}

// Stepped returns an Ingest without a goroutine, which packs when Pack is called.
func Stepped(c Config, first uint64) *Ingest {
	g := &Ingest{config: c, proposal: first}
	g.changed = sync.NewCond(&g.mu)
	return g
}

// Submit queues an item, or refuses it through its Done.
func (g *Ingest) Submit(i *Item) {
	if refused := g.enqueue(i); refused != nil {
		i.Done(nil, refused)
	}
}

func (g *Ingest) enqueue(i *Item) error {
	size := i.size()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closing {
		return fault.New(fault.Unavailable, "the hub is shutting down")
	}
	if len(g.queue) >= queueCount || g.bytes+size > queueBytes {
		return fault.New(fault.Busy, "the hub has more publications waiting than it can take").
			WithHint("send it again after a while, under the same sequence").WithRetryAfter(retryAfter)
	}
	g.queue = append(g.queue, i)
	g.bytes += size
	if g.room() && !g.gathering() {
		g.changed.Signal()
	}
	return nil
}

// Depth returns how many items wait, and their bytes.
func (g *Ingest) Depth() (count, bytes int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.queue), g.bytes
}

// Drain refuses new items and waits until those that were accepted have been answered, or until expired is closed: then
// they are answered with a fault. It reports whether it came to an end by itself.
func (g *Ingest) Drain(expired <-chan struct{}) bool {
	g.mu.Lock()
	g.closing = true
	g.patience.Stop()
	g.changed.Broadcast()
	g.mu.Unlock()
	stopped := make(chan struct{})
	go func() {
		g.running.Wait()
		close(stopped)
	}()
	select {
	case <-stopped:
		return true
	case <-expired:
		g.abandon()
		return false
	}
}
