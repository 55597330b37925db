package hub

import (
	"context"

	"weir/hub/internal/entry"
	"weir/hub/internal/machine"
	"weir/hub/internal/replica"
	"weir/proto/fault"
	"weir/proto/logpb"
)

// propose hands an entry to Raft and waits until it has been applied. When ctx ends first, it may or may not happen.
func (g *group) propose(ctx context.Context, e *logpb.Entry) (answer any, err error) {
	e.TimeMs, e.Shard = g.hub.config.Now().UnixMilli(), uint32(g.id)
	encoded, err := entry.Encode(e)
	if err != nil {
		return nil, fault.New(fault.InvalidArgument, "the request can't be encoded").WithCause(err)
	}
	type result struct {
		answer any
		err    error
	}
	done := make(chan result, 1)
	spawned := g.hub.status.spawn(&g.hub.running, func() {
		future := g.replica.Propose(encoded)
		if err := future.Error(); err != nil {
			done <- result{err: g.uncommitted(err)}
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

func (g *group) uncommitted(err error) error {
	if replica.Certain(err) {
		return g.notLeader()
	}
	return fault.New(fault.Unavailable, "the hub could not commit the change").
		WithHint("it may still happen: look before trying again").WithCause(err)
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
