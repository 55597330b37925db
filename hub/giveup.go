package hub

import (
	"context"
	"errors"
	"os"

	"weir/hub/internal/quarantine"
	"weir/hub/internal/raftlog"
	"weir/hub/internal/replica"
	"weir/proto/fault"
)

// openState opens the group's state, after setting it aside if it is corrupt and another node has it.
func (g *group) openState() error {
	h := g.hub
	g.quarantine = quarantine.Open(g.dir)
	if err := g.quarantine.Load(); err != nil {
		return err
	}
	g.note()
	switch {
	case g.quarantine.Set():
		if err := g.setAside(); err != nil {
			return err
		}
	case g.quarantine.Part() == quarantine.State:
		// What stands in its place has not been rebuilt to the end.
		if err := os.RemoveAll(g.stateDir()); err != nil {
			return err
		}
	}
	err := g.readState()
	if err == nil || !isCorrupt(err) {
		return err
	}
	h.noteCorrupt(err)
	if g.store != nil {
		err = errors.Join(err, g.store.Close())
	}
	if err := g.giveUp(err); err != nil {
		return err
	}
	return g.readState()
}

// giveUp sets aside what can't be opened, if another node has it.
func (g *group) giveUp(why error) error {
	h := g.hub
	if len(h.others()) == 0 {
		return fault.New(fault.Unavailable, "the data of group %d are corrupt, and no other node has them", g.id).
			WithHint("restore the data folder from a backup").WithCause(why)
	}
	if g.condemn(why); g.ailing() == "" {
		return context.Cause(h.ctx) // it could not be noted
	}
	return g.setAside()
}

// openReplica opens the node's part in the group: parked if its vote has yet to be taken from it, because its data are new.
func (g *group) openReplica(c replica.Config) (err error) {
	switch g.quarantine.Part() {
	case quarantine.Whole:
		c.Kept, c.Found = false, nil
		if c.Parked = !g.quarantine.Removed(); !c.Parked {
			g.ails.Store(ailment(""))
		}
	case quarantine.State:
		c.Parked = true
	}
	g.replica, err = replica.Open(c)
	switch {
	case errors.Is(err, raftlog.ErrNoRoom):
		g.ails.Store(ailsFull)
	case isCorrupt(err):
		g.hub.noteCorrupt(err)
		err = g.machine.Anew(func() error { return g.giveUp(err) })
	default:
		return err
	}
	if err == nil {
		c.Parked = true
		g.replica, err = replica.Open(c)
	}
	return err
}
