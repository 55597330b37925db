package hub

import (
	"context"
	"errors"
	"fmt"
	"time"

	"weir/hub/internal/placement"
	"weir/proto/logpb"
	"weir/proto/weirpb"
)

// tick is how often a node looks whether a group has work for it: for its leader what has come of age, for anyone a
// snapshot.
const tick = time.Second

const (
	// stuckTicks without a leader are too many.
	stuckTicks = 10
	// askTicks without a leader of the control group are reason to ask whether this node has been removed.
	askTicks = 3
)

// snapshotBytes of entries make a snapshot, so that a restart reads no more than that.
const snapshotBytes = 128 << 20

// attend follows the group's elections: it brings a new leader to where it may serve, and then does what leaders do.
func (g *group) attend() {
	every := time.NewTicker(tick)
	defer every.Stop()
	idle := 0 // ticks without a leader
	for {
		var err error
		select {
		case <-g.hub.ctx.Done():
			g.yield()
			g.leave()
			return
		case <-g.replica.Led():
			g.yield()
			switch {
			case g.replica.Leads() && g.ailing() == ailsState:
				g.handOn()
			case g.replica.Leads():
				err = g.take()
			}
			g.hub.updateRoutes()
		case do := <-g.orders:
			do()
		case why := <-g.replica.Broken():
			g.breakDown(why)
		case <-g.replica.Changed():
			g.lead.stir()
			g.hub.updateRoutes()
		case <-every.C:
			idle = g.noteIdle(idle)
			g.makeWay()
			err = errors.Join(g.mend(), g.work())
		}
		if err != nil && g.hub.ctx.Err() == nil {
			g.log.Warn("the group's work could not be done, it is tried again", "error", err)
		}
	}
}

// leave ends the node's part in elections where its state machine has stopped: what it would lead would not be served.
func (g *group) leave() {
	if context.Cause(g.hub.ctx) == errClosed {
		return
	}
	if g.replica.Leads() && g.hub.transport != nil {
		if err := g.replica.Transfer(""); err != nil {
			g.log.Info("the lead could not be handed over, the others will elect a leader", "error", err)
		}
	}
	if err := g.replica.Park(); err != nil {
		g.log.Warn("the node's part of the group could not be stopped", "error", err)
	}
}

// noteIdle counts ticks without a leader, and says so when there have been too many.
func (g *group) noteIdle(idle int) int {
	if g.id == placement.Control && (idle+1)%askTicks == 0 && !g.led() && g.ailing() == "" {
		g.hub.askWhetherRemoved()
	}
	switch {
	case g.led():
		return 0
	case idle+1 == stuckTicks && g.hub.transport == nil:
		g.log.Error("the hub has not led for a while: its log can't be written while the disk is full or if it fails")
	case idle+1 == stuckTicks:
		g.log.Error("the group has had no leader for a while: a majority of its nodes has to be up, to reach each other, and to have room on their disks")
	}
	return idle + 1
}

// led reports whether a leader of the group is known.
func (g *group) led() bool {
	leader, _ := g.replica.Leader()
	return leader != ""
}

// take waits until all that was committed is applied, and makes sure that the group has been initialised.
func (g *group) take() error {
	_, term := g.replica.Leader()
	if err := g.replica.Barrier(); err != nil {
		return fmt.Errorf("catch up: %w", err)
	}
	var err error
	if g.shard != nil {
		err = g.initialiseShard(g.hub.ctx)
	} else {
		err = g.initialiseControl(g.hub.ctx)
	}
	if err != nil {
		return fmt.Errorf("initialise: %w", err)
	}
	if leader, now := g.replica.Leader(); leader != g.hub.node.Name || now != term {
		return nil // there will be word of it
	}
	g.lead.set(term)
	if g.shard == nil {
		g.hub.status.serve()
	}
	g.log.Info("this node leads", "term", term, "applied", g.machine.Applied())
	return nil
}

// yield ends what only a leader does. Whoever follows a channel of the shard goes on with its next leader.
func (g *group) yield() {
	led := g.lead.leads()
	g.lead.set(0)
	if led && g.shard != nil {
		g.shard.feeds.End(g.notLeader())
	}
	if led {
		g.log.Info("this node leads no longer", "term", g.replica.Term())
	}
}

// work is a node's regular work for a group.
func (g *group) work() error {
	if err := g.snapshot(); err != nil {
		return fmt.Errorf("make a snapshot: %w", err)
	}
	switch {
	case !g.replica.Leads(), g.ailing() != "":
		return nil
	case !g.lead.leads():
		defer g.hub.updateRoutes()
		return g.take()
	}
	if err := g.reconcile(); err != nil {
		return fmt.Errorf("change the membership: %w", err)
	}
	if g.shard != nil {
		return g.hub.sweep(g.hub.ctx, g.shard)
	}
	return g.hub.tidy(g.hub.ctx)
}

func (g *group) snapshot() error {
	if g.machine.Logged() < snapshotBytes {
		return nil
	}
	return g.replica.Snapshot()
}

func (g *group) initialiseControl(ctx context.Context) error {
	if g.machine.Control().State().Meta.GetInitialised() {
		return nil
	}
	r := g.hub.region
	c := &logpb.Initialise{Region: r.ID, Shards: uint32(r.Shards)}
	for _, f := range r.Founders {
		c.MoreRoots = append(c.MoreRoots, &logpb.ApiKeyRecord{
			ApiKey: &weirpb.ApiKey{
				Id: f.KeyID, Description: "made by the first start of " + f.Name, CreatedMs: g.hub.config.Now().UnixMilli(),
			},
			SecretSha256: f.KeySHA256,
		})
		c.Nodes = append(c.Nodes, &logpb.NodeRecord{
			Id: f.Name, Incarnation: f.Incarnation, Mesh: f.Mesh, Link: f.Link, Api: f.API,
		})
	}
	_, err := g.propose(ctx, &logpb.Entry{Command: &logpb.Entry_Control{Control: &logpb.ControlCommand{
		Command: &logpb.ControlCommand_Initialise{Initialise: c},
	}}})
	return err
}

func (g *group) initialiseShard(ctx context.Context) error {
	p := g.shard
	base, err := p.reader.BaseEpoch()
	if err != nil {
		return err
	}
	if base == 0 {
		epoch := uint64(max(1, g.hub.config.Now().UnixMilli()))
		e := &logpb.Entry{Command: &logpb.Entry_InitShard{InitShard: &logpb.InitShard{BaseEpoch: epoch}}}
		if _, err := g.propose(ctx, e); err != nil {
			return err
		}
		if base, err = p.reader.BaseEpoch(); err != nil {
			return err
		}
	}
	p.base.Store(base)
	return nil
}
