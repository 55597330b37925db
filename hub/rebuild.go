package hub

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"weir/proto/fault"
)

// rebuild sets what is corrupt aside, has the group remove this node, and begins with nothing. The order is Raft's safety:
// a node that has forgotten what it acknowledged must not vote as if it had not, so its vote is taken from it before it is
// heard again.
func (g *group) rebuild() error {
	g.giveUpFilling()
	if !g.isAside() {
		return nil
	}
	if !g.quarantine.Removed() {
		if err := g.askRemoval(g.hub.ctx); err != nil {
			g.log.Info("the group has not removed this node yet, which must be before it is rebuilt", "error", err)
			return nil
		}
		if err := g.quarantine.NoteRemoved(); err != nil {
			return err
		}
	}
	return g.begin(g.replica.Anew)
}

// isAside sets aside what has yet to be. Where that fails the node stops: it has no state to go on with, and the disk may not be
// one to trust.
func (g *group) isAside() bool {
	if !g.quarantine.Set() {
		return true
	}
	if err := g.machine.Anew(g.setAside); err != nil {
		g.hub.fail(fmt.Errorf("set the corrupt data aside: %w", err))
		return false
	}
	return true
}

func (g *group) setAside() error {
	to, err := g.quarantine.SetAside(g.hub.config.Now())
	if err != nil {
		return err
	}
	g.hub.metrics.quarantines.Inc()
	g.log.Error("the corrupt data have been set aside; remove them once nobody needs them", "folder", to)
	return nil
}

// expelTimeout is how long the group's leader may take to remove this node, which needs a majority of the others.
const expelTimeout = 5 * time.Second

// askRemoval asks all nodes to remove this one from the group. Its leader does.
func (g *group) askRemoval(ctx context.Context) error {
	var failed error
	for _, node := range g.hub.others() {
		ctx, cancel := context.WithTimeout(ctx, expelTimeout)
		_, err := call[emptypb.Empty](ctx, g.hub, node, methodExpel, wrapperspb.UInt32(uint32(g.id)))
		cancel()
		if err == nil {
			return nil
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

// answerExpel removes the node that asks for it from a group. That is committed when it returns without an error.
func (h *Hub) answerExpel(_ context.Context, from string, q *wrapperspb.UInt32Value) (*emptypb.Empty, error) {
	if !h.status.takes() {
		return nil, errStarting
	}
	if int(q.GetValue()) >= len(h.groups) {
		return nil, fault.New(fault.InvalidArgument, "there is no group %d", q.GetValue())
	}
	g := h.groups[q.GetValue()]
	if !g.lead.leads() {
		return nil, g.notLeader()
	}
	err := g.replica.Remove(from) // changes nothing if it is no member, but tells whether this node leads
	if err == nil {
		err = g.replica.Barrier() // what had removed it before may not have been committed
	}
	if err != nil {
		return nil, fault.New(fault.Unavailable, "node %q could not be removed from group %d", from, g.id).WithCause(err)
	}
	g.log.Warn("a node whose data are corrupt has been removed from the group, and may come back as a new one", "removed", from)
	return &emptypb.Empty{}, nil
}
