package hub

import (
	"context"
	"errors"
	"fmt"
	"os"

	"weir/hub/internal/quarantine"
	"weir/hub/internal/raftlog"
	"weir/hub/internal/replica"
)

// openState opens the group's state, after setting it aside if it is corrupt and can be rebuilt.
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
	var had uint64
	if g.store != nil {
		had = appliedIn(g.store)
		err = errors.Join(err, g.store.Close())
	}
	if err := g.giveUp(err, had); err != nil {
		return err
	}
	return g.readState()
}

// giveUp sets aside what can't be opened, if another node has it, or this one has what it can be made of. had is the last
// entry that the state is known to have had.
func (g *group) giveUp(why error, had uint64) error {
	h := g.hub
	if h.alone() {
		if corruptPart(why) == quarantine.Whole {
			return g.incomplete(why)
		}
		if lacks := g.completeAside(had); lacks != nil {
			return g.incomplete(fmt.Errorf("%w; %w", lacks, why))
		}
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
		had := g.machine.Applied()
		err = g.machine.Anew(func() error { return g.giveUp(err, had) })
	default:
		return err
	}
	if err == nil {
		c.Parked = true
		g.replica, err = replica.Open(c)
	}
	return err
}
