package hub

import (
	"errors"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"weir/hub/internal/control"
	"weir/hub/internal/feed"
	"weir/hub/internal/ingest"
	"weir/hub/internal/machine"
	"weir/hub/internal/placement"
	"weir/hub/internal/quarantine"
	"weir/hub/internal/replica"
	"weir/hub/internal/shard"
	"weir/hub/internal/store"
	"weir/proto/fault"
)

// A group is this node's part of one Raft group: a state with a log of its own.
type group struct {
	hub     *Hub
	id      placement.Group
	dir     string
	log     *slog.Logger
	store   *store.Store
	machine *machine.Machine
	replica *replica.Replica // nil until the node joins the group
	shard   *shardPart       // nil in the control group
	lead    leadership

	verifier verifier

	// ails is the ailment for which this node takes no part in the group, or not all of it; had is up to which entry its log
	// is known to have been durable where that is lost.
	ails atomic.Value
	had  atomic.Uint64
	// filling is under way where the state is being rebuilt; after one that was in vain the next begins at fillFrom, fillPause
	// later. They belong to attend.
	filling   *filling
	fillFrom  time.Time
	fillPause time.Duration
	// fetched counts what filling fetches.
	fetched progress
	// examination is of a node that is alone.
	examination examination
	// quarantine belongs to whoever opens the group, then to attend.
	quarantine   *quarantine.Quarantine
	verification verification
	// orders are what an operator has told, for attend to do.
	orders chan func()
	// changing is true while this node as the leader has a change of the membership under way.
	changing atomic.Bool
}

// A shardPart is what this node has of one shard beside its replicated state.
type shardPart struct {
	id     placement.Shard
	group  *group
	ingest *ingest.Ingest
	feeds  *feed.Registry
	reader shard.Reader
	// base is the shard's base epoch, 0 until it is known. It is known where the group is led.
	base atomic.Uint64
}

// Sizes of the control group's log, in bytes: its commands are few.
const controlSegmentBytes = 4 << 20

// shardSegmentBytes is the size of the files of a shard's log. They are allocated whole, in each group, so that a smaller
// size keeps a small region small; a new one is begun every so many bytes, beside the way of publications.
const shardSegmentBytes = 8 << 20

// folderOf returns where a group's data are.
func (h *Hub) folderOf(id placement.Group) string {
	return filepath.Join(h.dir.Path, "groups", strconv.Itoa(int(id)))
}

// openGroup opens a group's state. What it returns has to be closed, also with an error.
func (h *Hub) openGroup(id placement.Group) (g *group, err error) {
	g = &group{
		hub: h, id: id, dir: h.folderOf(id), log: h.log.With("group", uint32(id)), orders: make(chan func()),
	}
	g.lead.init()
	err = g.openState()
	if g.store == nil {
		return nil, err
	}
	if id != placement.Control {
		g.shard = g.newShard()
		h.shards = append(h.shards, g.shard)
	}
	return g, err
}

func (g *group) stateDir() string { return filepath.Join(g.dir, "state") }

// readState opens the group's state and reads what has to be known of it.
func (g *group) readState() (err error) {
	h := g.hub
	g.store, err = store.Open(g.stateDir(), store.Options{
		FS: h.room.FS(vfs.Default), Logger: g.log.With("source", "store"), Cache: h.cache, OnCorrupt: g.suspect,
	})
	if err != nil {
		return err
	}
	c := machine.Config{
		Store: g.store, OnApplied: g.applied, OnFailed: g.stopped,
		Followed: func(id shard.ChannelID) bool { return g.shard.feeds.Has(id) },
	}
	if g.id == placement.Control {
		c.Control = true
	} else {
		c.Shards = []placement.Shard{placement.Shard(g.id)}
	}
	g.machine, err = machine.New(c)
	return err
}

func (g *group) newShard() *shardPart {
	h := g.hub
	p := &shardPart{id: placement.Shard(g.id), group: g, feeds: feed.NewRegistry(&h.feeds)}
	if g.machine == nil { // the state can't be read, so the node does not start
		p.reader = shard.NewReader(g.store, p.id)
	} else {
		p.reader = g.machine.Reader(p.id)
	}
	p.ingest = ingest.New(ingest.Config{
		Shard:   p.id,
		Propose: func(entry []byte) ingest.Future { return g.replica.Propose(entry) },
		Certain: replica.Certain,
		Emit:    p.feeds.Emit,
		Now:     h.config.Now,
		Metrics: ingest.Metrics{
			BatchEvents: h.metrics.batchEvents, BatchBytes: h.metrics.batchBytes, Commit: h.metrics.commit,
		},
	}, rand.Uint64()>>1)
	return p
}

// segmentBytes is the size of the files of the group's log.
func (g *group) segmentBytes() int {
	if g.id == placement.Control {
		return controlSegmentBytes
	}
	return g.hub.config.segmentBytes
}

// join has the node take part in the group.
func (g *group) join() error {
	h := g.hub
	c := replica.Config{
		Dir: g.dir, NodeID: h.node.Name, Logger: g.log, Machine: heldMachine{g.machine, &g.examination.held}, Kept: h.region.Begun,
		SegmentBytes: g.segmentBytes(), Trailing: h.config.trailing, Lazy: g.shard != nil, Full: h.room.Exhausted,
		Check: func(dir string) error { return store.Check(vfs.Default, dir) }, Offer: g.offer,
	}
	if h.transport != nil {
		c.Streams = func() raft.StreamLayer { return h.transport.StreamLayer(uint32(g.id)) }
	}
	if !h.region.Begun && !h.region.Joined {
		c.Found = h.region.Names()
	}
	return g.openReplica(c)
}

// applied is told of each entry once it can be read, in order, on raft's goroutine.
func (g *group) applied(a machine.Applied) {
	if gone, ok := a.Answer.(*control.Tenant); ok {
		for _, p := range g.hub.shards {
			p.feeds.EndTenant(gone.ID(), control.UnknownTenant(gone.Name()))
		}
	}
	if a.Outcomes == nil {
		return
	}
	for i := range a.Outcomes {
		if o := &a.Outcomes[i]; o.KindChanged {
			g.shard.feeds.EndChannel(o.Channel, fault.New(fault.Unavailable, "the channel has become one of another kind"))
		}
	}
	g.shard.ingest.Applied(a.Proposal, a.Outcomes)
}

// close ends the node's part. Nothing may be using it any more.
func (g *group) close() error {
	var err error
	if g.replica != nil {
		err = g.replica.Close()
	}
	return errors.Join(err, g.store.Close())
}
