package hub

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"weir/hub/internal/placement"
	"weir/hub/internal/raftlog"
	"weir/hub/internal/store"
	"weir/proto/fault"
)

// An ailment is why this node takes no part in a group.
type ailment string

// The ailments, as metrics and logs name them.
const (
	ailsCorrupt ailment = "corrupt" // what it has is not what was written; it is rebuilt from the group's other nodes
	ailsFull    ailment = "full"    // its log has no room
	ailsDisk    ailment = "disk"    // its disk has failed
)

// isCorrupt reports whether an error is about what is on disk not being what was written.
func isCorrupt(err error) bool {
	var row *store.CorruptError
	return errors.Is(err, raftlog.ErrCorrupt) || errors.As(err, &row)
}

// suspect takes this node out of a group whose rows are corrupt here, if another node has them.
func (g *group) suspect(err error) {
	g.hub.noteCorrupt(err)
	if g.replica != nil && len(g.hub.others()) > 0 {
		g.replica.BreakDown(err)
	}
}

// stopped takes this node out of the group because its machine has stopped: alone if the others have what is corrupt here.
func (g *group) stopped(err error) {
	if isCorrupt(err) && g.replica != nil && len(g.hub.others()) > 0 {
		g.replica.BreakDown(err)
		return
	}
	g.hub.fail(err)
}

// breakDown takes the node out of the group, whatever for. mend brings it back.
func (g *group) breakDown(why error) {
	h := g.hub
	led := g.lead.leads()
	g.yield()
	if led && isCorrupt(why) && h.transport != nil {
		if err := g.replica.Transfer(""); err != nil {
			g.log.Info("the lead could not be handed over, the others will elect a leader", "error", err)
		}
	}
	switch {
	case errors.Is(why, raftlog.ErrNoRoom):
		g.ails.Store(ailsFull)
		g.log.Error("this node takes no part in the group until its disk has room", "error", why)
	case isCorrupt(why):
		g.condemn(why)
	default:
		g.ails.Store(ailsDisk)
		g.log.Error("this node takes no part in the group any more, as its disk fails", "error", why,
			"hint", "look after the disk, then restart the node or replace it")
		if len(h.others()) == 0 {
			h.fail(why)
		}
	}
	if err := g.replica.Park(); err != nil {
		g.log.Info("the node's part in the group ended with errors", "error", err)
	}
	h.updateRoutes()
}

// condemn notes that what this node has of the group is to be given up.
func (g *group) condemn(why error) {
	h := g.hub
	g.ails.Store(ailsCorrupt)
	g.log.Error("what this node has of the group is corrupt: it is set aside and rebuilt from the others", "error", why)
	if len(h.others()) == 0 {
		h.fail(why)
		return
	}
	if err := g.quarantine.Begin(why, h.config.Now()); err != nil {
		h.fail(fmt.Errorf("note that the group is corrupt here: %w", err))
		return
	}
	if g.id == placement.Control {
		// What every node serves of the control state can't be taken away from those who follow it. The process that
		// starts again waits for having all of it.
		h.fail(why)
	}
}

// mend takes the next step, if there is one, to bring the node back into the group.
func (g *group) mend() error {
	if !g.replica.Parked() {
		if g.quarantine.Pending() && !g.replica.Empty() {
			g.log.Info("what was corrupt here has been rebuilt, up to the group's next entries")
			return g.quarantine.End()
		}
		return nil
	}
	switch g.ails.Load() {
	case ailsFull:
		if g.hub.room.Full() {
			return nil
		}
		return g.begin(g.replica.Again)
	case ailsCorrupt:
		return g.rebuild()
	}
	return nil
}

func (g *group) begin(begin func() error) error {
	err := begin()
	switch {
	case err == nil:
		g.ails.Store(ailment(""))
		g.log.Info("this node takes part in the group again")
	case errors.Is(err, raftlog.ErrNoRoom):
	case isCorrupt(err):
		g.condemn(err)
	default:
		return err
	}
	return nil
}

// rebuild sets what is corrupt aside, has the group remove this node, and begins with nothing. The order is Raft's safety:
// a node that has forgotten what it acknowledged must not vote as if it had not, so its vote is taken from it before it is
// heard again.
func (g *group) rebuild() error {
	if g.quarantine.Set() {
		if err := g.machine.Anew(g.setAside); err != nil {
			return fmt.Errorf("set the corrupt data aside: %w", err)
		}
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
