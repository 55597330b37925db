package hub

import (
	"context"
	"fmt"
	"time"

	"weir/hub/internal/entry"
	"weir/hub/internal/machine"
	"weir/hub/internal/placement"
	"weir/proto/fault"
	"weir/proto/logpb"
)

// tick is how often a leader looks whether something has come of age, and whether the log is due for a snapshot.
const tick = time.Second

// stuckTicks without leading are too many for the only node of its group: raft-wal does not write again once it could not
// begin a new file.
const stuckTicks = 10

// snapshotBytes of entries make a snapshot, so that a restart reads no more than that.
const snapshotBytes = 128 << 20

// lead follows the elections: it brings a new leader to where it may serve, and then does what leaders do.
func (h *Hub) lead() {
	every := time.NewTicker(tick)
	defer every.Stop()
	var leads bool
	idle := 0 // ticks without leading
	for {
		var err error
		select {
		case <-h.ctx.Done():
			return
		case leads = <-h.replica.Led():
			h.status.lead(false)
			h.routes.set(h.routesNow(false))
			if leads {
				err = h.take()
			}
		case <-every.C:
			idle = h.noteIdle(idle)
			if leads && h.status.check() != nil {
				err = h.take()
			} else if leads {
				err = h.tidy()
			}
		}
		if err != nil && h.ctx.Err() == nil {
			h.log.Warn("the leader's work could not be done, it is tried again", "error", err)
		}
	}
}

// noteIdle counts ticks without leading, and says so when there have been too many.
func (h *Hub) noteIdle(idle int) int {
	if h.status.leading.Load() {
		return 0
	}
	if idle+1 == stuckTicks {
		h.log.Error("the hub has not led for a while: its log can't be written if the disk is full or failing; make room, then restart the hub")
	}
	return idle + 1
}

// take waits until all that was committed is applied, and makes sure that the region has been initialised.
func (h *Hub) take() error {
	if err := h.replica.Barrier(); err != nil {
		return fmt.Errorf("catch up: %w", err)
	}
	if err := h.initialise(h.ctx); err != nil {
		return fmt.Errorf("initialise: %w", err)
	}
	h.status.lead(true)
	h.routes.set(h.routesNow(true))
	h.log.Info("the hub leads", "term", h.replica.Term(), "applied", h.machine.Applied())
	return nil
}

func (h *Hub) initialise(ctx context.Context) error {
	for _, p := range h.shards {
		if err := h.initialiseShard(ctx, p); err != nil {
			return err
		}
	}
	if h.machine.Control().State().Meta.GetInitialised() {
		return nil
	}
	root, err := h.rootKey()
	if err != nil {
		return err
	}
	_, err = h.command(ctx, &logpb.ControlCommand{Command: &logpb.ControlCommand_Initialise{
		Initialise: &logpb.Initialise{Root: root},
	}})
	return err
}

func (h *Hub) initialiseShard(ctx context.Context, p *shardPart) error {
	base, err := p.reader.BaseEpoch()
	if err != nil {
		return err
	}
	if base == 0 {
		epoch := uint64(max(1, h.config.Now().UnixMilli()))
		e := &logpb.Entry{Command: &logpb.Entry_InitShard{InitShard: &logpb.InitShard{BaseEpoch: epoch}}}
		if _, err := h.propose(ctx, p.id, e); err != nil {
			return err
		}
		if base, err = p.reader.BaseEpoch(); err != nil {
			return err
		}
	}
	p.base.Store(base)
	return nil
}

// tidy is a leader's regular work.
func (h *Hub) tidy() error {
	if err := h.dropTenants(h.ctx); err != nil {
		return fmt.Errorf("drop deleted tenants: %w", err)
	}
	for _, p := range h.shards {
		if err := h.sweep(h.ctx, p); err != nil {
			return fmt.Errorf("trim shard %d: %w", p.id, err)
		}
	}
	if err := h.dropStaged(h.ctx); err != nil {
		return fmt.Errorf("drop modules that were given up: %w", err)
	}
	if h.machine.Logged() < snapshotBytes {
		return nil
	}
	if err := h.replica.Snapshot(); err != nil {
		return fmt.Errorf("make a snapshot: %w", err)
	}
	return nil
}

// propose hands an entry to Raft and waits until it has been applied. When ctx ends first, it may or may not happen.
func (h *Hub) propose(ctx context.Context, shard placement.Shard, e *logpb.Entry) (answer any, err error) {
	e.TimeMs, e.Shard = h.config.Now().UnixMilli(), uint32(shard)
	encoded, err := entry.Encode(e)
	if err != nil {
		return nil, fault.New(fault.InvalidArgument, "the request can't be encoded").WithCause(err)
	}
	type result struct {
		answer any
		err    error
	}
	done := make(chan result, 1)
	spawned := h.status.spawn(&h.running, func() {
		future := h.replica.Propose(encoded)
		if err := future.Error(); err != nil {
			done <- result{err: fault.New(fault.Unavailable, "the hub could not commit the change").
				WithHint("it may still happen: look before trying again").WithCause(err)}
			return
		}
		done <- result{answer: future.Response()}
	})
	if !spawned {
		return nil, errClosed
	}
	select {
	case r := <-done:
		return unpack(r.answer, r.err)
	case <-ctx.Done():
		return nil, fault.New(fault.Timeout, "the change was not answered in time: it may or may not have happened").
			WithCause(context.Cause(ctx))
	}
}

// unpack tells refusals from answers.
func unpack(answer any, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	if err, ok := answer.(error); ok {
		if err == machine.ErrFailed {
			return nil, fault.New(fault.Unavailable, "the hub has failed").WithCause(err)
		}
		return nil, err
	}
	return answer, nil
}
