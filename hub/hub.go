// Package hub orders, stores and serves the events of a region's channels. DESIGN.md says how.
package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"weir/hub/internal/control"
	"weir/hub/internal/datadir"
	"weir/hub/internal/feed"
	"weir/hub/internal/placement"
	"weir/hub/internal/region"
	"weir/hub/internal/room"
	"weir/hub/internal/store"
	"weir/proto/fault"
)

// drainTimeout is how long Close waits for publications that were accepted.
const drainTimeout = 10 * time.Second

// A Hub is one node of a region. It is safe for concurrent use.
type Hub struct {
	config    Config
	log       *slog.Logger
	metrics   *metrics
	dir       *datadir.Dir
	node      region.Node
	self      region.Founder
	transport Transport // nil for a node that is alone for good
	cache     *store.Cache
	room      *room.Room
	feeds     feed.Budget

	// What follows is set when the node takes part in its region, before status.begun.
	region  region.Region
	groups  []*group     // by number: the control group, then the shards'
	shards  []*shardPart // shard n is at n-1
	control *control.Control

	status   status
	routes   *routeTable
	catching catchUp
	survey   survey
	// leavingLeads is true once the node shall be given the lead of nothing, because it is about to stop.
	leavingLeads atomic.Bool
	// backingUp is true while a backup is made.
	backingUp atomic.Bool
	late      lateComers
	lender    lender
	// verifyNow has room for one wish that all be read now.
	verifyNow chan struct{}

	// ctx ends, with the reason, when the hub stops serving. cancel ends it.
	ctx     context.Context
	cancel  context.CancelCauseFunc
	running sync.WaitGroup
	closing sync.Once
}

var errClosed = fault.New(fault.Unavailable, "the hub is shutting down")

// Open takes possession of the data folder, recovers what is in it and starts. It returns before the hub serves: see
// Ready. The folder must belong to no running process and to no newer version.
func Open(ctx context.Context, cfg Config) (*Hub, error) {
	cfg = cfg.withDefaults()
	dir, err := datadir.Open(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("open the hub: %w", err)
	}
	h := &Hub{
		config: cfg, log: cfg.Logger, dir: dir, cache: store.NewCache(cfg.CacheBytes), verifyNow: make(chan struct{}, 1),
	}
	h.status.init()
	h.catching.init()
	h.late.init()
	h.lender.init(cfg.Dir)
	h.survey.init()
	h.routes = newRouteTable(h.routesNow())
	h.ctx, h.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	h.room = room.Open(cfg.Dir, cfg.Logger, cfg.diskUsage)
	h.running.Go(func() { h.room.Watch(h.ctx) })
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
	if h.node, err = region.EnsureNode(h.dir.Path, h.config.NodeID); err != nil {
		return err
	}
	if err := h.metrics.register(h); err != nil {
		return err
	}
	if err := h.dropCheckpoints(); err != nil {
		return fmt.Errorf("remove what a backup has left: %w", err)
	}
	if err := errors.Join(os.RemoveAll(h.lender.dir), os.RemoveAll(filepath.Join(h.dir.Path, verifyFolder))); err != nil {
		return fmt.Errorf("remove copies of states: %w", err)
	}
	if err := h.connect(); err != nil {
		return err
	}
	return h.enter()
}

// takePart opens the node's part of all groups of its region, which is known now.
func (h *Hub) takePart(r region.Region) error {
	h.region = r
	var replicas []*group
	for id := range placement.Group(r.Shards) + 1 {
		g, err := h.openGroup(id)
		if g != nil {
			h.groups = append(h.groups, g)
		}
		if err != nil {
			return fmt.Errorf("group %d: %w", id, err)
		}
		replicas = append(replicas, g)
	}
	h.control = h.groups[placement.Control].machine.Control()
	for _, g := range replicas {
		if err := g.join(); err != nil {
			return fmt.Errorf("group %d: %w", g.id, err)
		}
	}
	if !r.Begun {
		r.Begun = true
		if err := r.Save(h.dir.Path); err != nil {
			return fmt.Errorf("note that the groups have begun: %w", err)
		}
	}
	h.status.begin()
	h.updateRoutes()
	for _, g := range replicas {
		h.running.Go(g.attend)
	}
	h.running.Go(h.catchUpFirst)
	h.running.Go(h.scrub)
	if h.transport != nil {
		h.running.Go(h.look)
	}
	return nil
}

// fail takes this node out: its state can't be trusted or written. What was acknowledged stays in the log.
func (h *Hub) fail(err error) {
	h.log.Error("this hub serves no longer: its state machine has stopped", "error", err)
	h.metrics.failed.Set(1)
	h.stop(fault.New(fault.Unavailable, "the hub has failed").
		WithHint("operators: see its log; restart it, or restore its data folder").WithCause(err))
}

// stop ends all serving, for a reason that will not pass.
func (h *Hub) stop(why error) {
	h.status.fail(why)
	h.cancel(why)
	h.endFeeds(why)
}

func (h *Hub) endFeeds(why error) {
	if !h.status.takes() {
		return
	}
	for _, p := range h.shards {
		p.feeds.End(why)
	}
}

// Wait waits until the hub serves no longer, and says why; nil once it has been closed, and an error when ctx ends.
func (h *Hub) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-h.ctx.Done():
	}
	if err := context.Cause(h.ctx); err != errClosed {
		return err
	}
	return nil
}

func (h *Hub) noteCorrupt(err error) {
	h.metrics.corruption.Inc()
	h.log.Error("a stored row is corrupt", "error", err)
}

// Close stops the hub: what it leads is handed over, and publications that were accepted are answered. It waits for the
// calls in progress; those of Follow and WatchControl end with a fault, once the delivery that they are at returns. It may
// be called again.
func (h *Hub) Close() error {
	var err error
	h.closing.Do(func() { err = h.close() })
	return err
}

func (h *Hub) close() error {
	taking := h.status.takes()
	if taking {
		h.handOver()
	}
	h.status.close(errClosed)
	expired, stop := context.WithTimeout(context.Background(), drainTimeout)
	defer stop()
	if taking {
		h.drain(expired.Done())
	}
	h.cancel(errClosed)
	h.endFeeds(errClosed)
	h.running.Wait() // from here on nobody else has the groups
	h.drain(expired.Done())
	h.room.End()
	var err error
	for _, g := range h.groups {
		err = errors.Join(err, g.close())
	}
	if closer, ok := h.transport.(io.Closer); ok {
		err = errors.Join(err, closer.Close())
	}
	h.metrics.unregister(h.config.Registerer)
	h.cache.Close()
	return errors.Join(err, h.dir.Close())
}

// drain waits until the publications that were accepted are answered.
func (h *Hub) drain(expired <-chan struct{}) {
	for _, p := range h.shards {
		if !p.ingest.Drain(expired) {
			h.log.Warn("publications were given up at shutdown", "shard", p.id)
		}
	}
}
