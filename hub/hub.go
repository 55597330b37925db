// Package hub orders, stores and serves the events of a region's channels. DESIGN.md says how.
package hub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"weir/hub/internal/control"
	"weir/hub/internal/datadir"
	"weir/hub/internal/feed"
	"weir/hub/internal/ingest"
	"weir/hub/internal/machine"
	"weir/hub/internal/placement"
	"weir/hub/internal/replica"
	"weir/hub/internal/shard"
	"weir/hub/internal/store"
	"weir/proto/fault"
)

// shards is how many shards a region has. A channel's shard depends on it.
const shards = placement.Hashed(1)

// drainTimeout is how long Close waits for publications that were accepted.
const drainTimeout = 10 * time.Second

// A Hub is one node of a region. It is safe for concurrent use.
type Hub struct {
	config  Config
	log     *slog.Logger
	metrics *metrics
	dir     *datadir.Dir
	store   *store.Store
	machine *machine.Machine
	replica *replica.Replica
	feeds   *feed.Registry
	shards  map[placement.Shard]*shardPart
	status  status
	routes  *routeTable

	// ctx ends, with the reason, when the hub stops serving. cancel ends it.
	ctx     context.Context
	cancel  context.CancelCauseFunc
	running sync.WaitGroup
	closing sync.Once
}

// A shardPart is what this node has of one shard beside its replicated state.
type shardPart struct {
	id     placement.Shard
	ingest *ingest.Ingest
	reader shard.Reader
	// base is the shard's base epoch, 0 until it is known.
	base atomic.Uint64
}

var errClosed = fault.New(fault.Unavailable, "the hub is shutting down")

// Open takes possession of the data folder, recovers what is in it and starts. It returns before the hub leads: see
// Ready. The folder must belong to no running process and to no newer version.
func Open(ctx context.Context, cfg Config) (*Hub, error) {
	cfg = cfg.withDefaults()
	dir, err := datadir.Open(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("open the hub: %w", err)
	}
	h := &Hub{config: cfg, log: cfg.Logger, dir: dir, feeds: feed.NewRegistry(), shards: map[placement.Shard]*shardPart{}}
	h.status.init()
	h.routes = newRouteTable(h.routesNow(false))
	h.ctx, h.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	h.metrics = newMetrics()
	if err := h.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open the hub: %w", err), h.Close())
	}
	return h, nil
}

func (h *Hub) start(ctx context.Context) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	h.store, err = store.Open(filepath.Join(h.dir.Path, "state"), store.Options{
		Logger: h.log.With("source", "store"), CacheBytes: h.config.CacheBytes, OnCorrupt: h.noteCorrupt,
	})
	if err != nil {
		return err
	}
	var all []placement.Shard
	for id := placement.Shard(1); id <= placement.Shard(shards); id++ {
		all = append(all, id)
		h.shards[id] = h.newPart(id)
	}
	h.machine, err = machine.New(machine.Config{
		Store: h.store, Shards: all, OnApplied: h.applied, OnFailed: h.fail,
	})
	if err != nil {
		return err
	}
	h.replica, err = replica.Open(replica.Config{
		Dir: h.dir.Path, NodeID: h.config.NodeID, Logger: h.log, Machine: h.machine,
	})
	if err != nil {
		return err
	}
	if err := h.metrics.register(h); err != nil {
		return err
	}
	h.running.Go(h.lead)
	return nil
}

func (h *Hub) newPart(id placement.Shard) *shardPart {
	return &shardPart{
		id:     id,
		reader: shard.NewReader(h.store, id),
		ingest: ingest.New(ingest.Config{
			Shard:   id,
			Propose: func(entry []byte) ingest.Future { return h.replica.Propose(entry) },
			Certain: replica.Certain,
			Emit:    h.feeds.Emit,
			Now:     h.config.Now,
			Metrics: ingest.Metrics{
				BatchEvents: h.metrics.batchEvents, BatchBytes: h.metrics.batchBytes, Commit: h.metrics.commit,
			},
		}, rand.Uint64()>>1),
	}
}

// applied is told of each entry once it can be read, in order, on raft's goroutine.
func (h *Hub) applied(a machine.Applied) {
	if gone, ok := a.Answer.(*control.Tenant); ok {
		h.feeds.EndTenant(gone.ID(), control.UnknownTenant(gone.Name()))
	}
	if a.Outcomes == nil {
		return
	}
	for i := range a.Outcomes {
		if o := &a.Outcomes[i]; o.KindChanged {
			h.feeds.EndChannel(o.Channel, fault.New(fault.Unavailable, "the channel has become one of another kind"))
		}
	}
	h.shards[a.Shard].ingest.Applied(a.Proposal, a.Outcomes)
}

// fail takes this node out: its state can't be trusted or written. What was acknowledged stays in the log.
func (h *Hub) fail(err error) {
	h.log.Error("this hub serves no longer: its state machine has stopped", "error", err)
	h.metrics.failed.Set(1)
	why := fault.New(fault.Unavailable, "the hub has failed").
		WithHint("operators: see its log; restart it, or restore its data folder").WithCause(err)
	h.status.fail(why)
	h.cancel(why)
	h.feeds.End(why)
}

func (h *Hub) noteCorrupt(err error) {
	h.metrics.corruption.Inc()
	h.log.Error("a stored row is corrupt", "error", err)
}

// Ready waits until the hub leads its region and has applied all that was committed before. It returns why not if it
// never will, or that ctx has ended.
func (h *Hub) Ready(ctx context.Context) error { return h.status.ready(ctx) }

// Close stops the hub: publications that were accepted are answered first. It waits for the calls in progress; those of
// Follow and WatchControl end with a fault, once the delivery that they are at returns. It may be called again.
func (h *Hub) Close() error {
	var err error
	h.closing.Do(func() { err = h.close() })
	return err
}

func (h *Hub) close() error {
	h.status.close(errClosed)
	expired, stop := context.WithTimeout(context.Background(), drainTimeout)
	defer stop()
	for _, p := range h.shards {
		if !p.ingest.Drain(expired.Done()) {
			h.log.Warn("publications were given up at shutdown", "shard", p.id)
		}
	}
	h.cancel(errClosed)
	h.feeds.End(errClosed)
	h.running.Wait()
	var err error
	if h.replica != nil {
		err = h.replica.Close()
	}
	h.metrics.unregister(h.config.Registerer)
	if h.store != nil {
		err = errors.Join(err, h.store.Close())
	}
	return errors.Join(err, h.dir.Close())
}
