package hub

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"

	"weir/hub/internal/quarantine"
	"weir/hub/internal/raftlog"
	"weir/hub/internal/store"
)

// An ailment is why this node takes no part in a group, or not all of it.
type ailment string

// The ailments, as status and logs name them.
const (
	ailsLog   ailment = "log"   // its log is corrupt: it has lost its vote, and is rebuilt by the others
	ailsState ailment = "state" // its state is corrupt: it votes and keeps the log, while the state is rebuilt
	ailsFull  ailment = "full"  // its log has no room
	ailsDisk  ailment = "disk"  // its disk has failed
)

// ailing returns what ails this node's part of the group, "" for nothing.
func (g *group) ailing() ailment {
	why, _ := g.ails.Load().(ailment)
	return why
}

// isCorrupt reports whether an error is about what is on disk not being what was written.
func isCorrupt(err error) bool { return corruptPart(err) != "" }

// corruptPart returns what an error says is not what was written, "" for nothing.
func corruptPart(err error) quarantine.Part {
	var row *store.CorruptError
	switch {
	case errors.Is(err, raftlog.ErrCorrupt):
		return quarantine.Whole
	case errors.As(err, &row):
		return quarantine.State
	}
	return ""
}

// suspect takes this node out of a group whose rows are corrupt here, if another node has them, or this one has what they can
// be made of.
func (g *group) suspect(err error) {
	g.hub.noteCorrupt(err)
	switch {
	case g.replica == nil:
	case g.hub.alone():
		g.examine(err)
	default:
		g.replica.BreakDown(err)
	}
}

// stopped takes this node out of the group because its machine has stopped, and out of all where what is corrupt can't be
// rebuilt.
func (g *group) stopped(err error) {
	if !isCorrupt(err) || g.replica == nil {
		g.hub.fail(err)
		return
	}
	g.examination.stopped.Store(true)
	if g.hub.alone() {
		g.examine(err)
		return
	}
	g.replica.BreakDown(err)
}

// breakDown takes the node out of the group, whatever for. mend brings it back.
func (g *group) breakDown(why error) {
	h := g.hub
	if g.ailing() == ailsState && corruptPart(why) == quarantine.State {
		return // known, and being seen to
	}
	led := g.lead.leads()
	g.yield()
	if led && isCorrupt(why) && !h.alone() {
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
		if h.alone() {
			h.fail(why)
		}
	}
	if err := g.replica.Park(); err != nil {
		g.log.Info("the node's part in the group ended with errors", "error", err)
	}
	if g.ailing() == ailsState { // the group may need its vote
		if err := g.refill(); err != nil {
			g.log.Warn("the state can't be rebuilt yet", "error", err)
		}
	}
	h.updateRoutes()
}

// condemn notes that a part of what this node has of the group is to be given up.
func (g *group) condemn(why error) {
	h := g.hub
	part := corruptPart(why)
	if part == quarantine.Whole && h.alone() {
		h.fail(g.incomplete(why))
		return
	}
	had := raftlog.Marked(vfs.Default, filepath.Join(g.dir, "log"))
	if err := g.quarantine.Begin(part, why, had, h.config.Now()); err != nil {
		h.fail(fmt.Errorf("note that the group is corrupt here: %w", err))
		return
	}
	g.note()
	if g.ailing() == ailsLog {
		g.log.Error("this node's log of the group is corrupt: all that it has of it is set aside, and rebuilt from the others", "error", why)
		return
	}
	g.log.Error("this node's state of the group is corrupt: it is set aside and rebuilt, while the node goes on voting", "error", why)
}

// note keeps for others what the quarantine says.
func (g *group) note() {
	switch g.quarantine.Part() {
	case quarantine.Whole:
		g.ails.Store(ailsLog)
	case quarantine.State:
		g.ails.Store(ailsState)
	}
	g.had.Store(g.quarantine.Had())
}

// mend takes the next step, if there is one, to bring the node back into the group.
func (g *group) mend() error {
	switch g.ailing() {
	case ailsFull:
		if g.hub.room.Full() {
			return nil
		}
		return g.begin(g.replica.Again)
	case ailsLog:
		return g.rebuild()
	case ailsState:
		return g.refill()
	case "":
		if g.quarantine.Pending() && !g.replica.Empty() {
			g.log.Info("what was corrupt here has been rebuilt, up to the group's next entries")
			return g.quarantine.End()
		}
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
