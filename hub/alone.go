package hub

import (
	"errors"
	"fmt"
	"io/fs"
	"sync/atomic"
	"time"

	"weir/hub/internal/machine"
	"weir/hub/internal/quarantine"
	"weir/hub/internal/replica"
	"weir/hub/internal/store"
	"weir/proto/fault"
)

// examineEvery is how long after a look that has found nothing to rebuild a state from the next one is worth its reading.
const examineEvery = time.Hour

// An examination says whether a node that is alone is looking what its corrupt state can be rebuilt from.
type examination struct {
	// held is true while no snapshot may be made: it would take the place of the one that is looked at.
	held atomic.Bool
	// at is when the last look has found nothing, in Unix nanoseconds, 0 for never.
	at atomic.Int64
	// stopped is true once the machine has stopped for what is corrupt.
	stopped atomic.Bool
}

var errHeld = errors.New("the state is corrupt: no snapshot is made of it")

// A heldMachine makes no snapshots while an examination is under way.
type heldMachine struct {
	*machine.Machine
	held *atomic.Bool
}

// Checkpoint refuses while it is held.
func (m heldMachine) Checkpoint(dir string) error {
	if m.held.Load() {
		return errHeld
	}
	return m.Machine.Checkpoint(dir)
}

// alone reports whether no other node has this one's groups, as far as it knows.
func (h *Hub) alone() bool {
	if len(h.others()) == 0 {
		return true
	}
	if h.control == nil {
		return false
	}
	table := h.control.State().Nodes
	return len(table) == 1 && table[h.node.Name] != nil
}

// examine has a node that is alone rebuild a corrupt state if its own snapshot and log have everything that was
// acknowledged. If they have not, it goes on as it is, or ends if its machine has stopped.
func (g *group) examine(why error) {
	x := &g.examination
	if last := x.at.Load(); !x.stopped.Load() && last != 0 && time.Since(time.Unix(0, last)) < examineEvery {
		return
	}
	if !x.held.CompareAndSwap(false, true) {
		return // under way: what it finds holds for this, too
	}
	g.hub.status.spawn(&g.hub.running, func() {
		err := g.completeHere()
		if err == nil {
			g.replica.BreakDown(why) // and mend leads on from there
			return
		}
		x.held.Store(false)
		x.at.Store(time.Now().UnixNano())
		err = g.incomplete(fmt.Errorf("%w; %w", err, why))
		if x.stopped.Load() {
			g.hub.fail(err)
			return
		}
		g.log.Error("what is corrupt here can't be rebuilt, and no other node has it; all else goes on being served", "error", err)
	})
}

// completeHere returns why the state can't be rebuilt from what this running node has, nil if it can.
func (g *group) completeHere() error {
	for {
		m, err := g.replica.Material()
		if err != nil {
			return err
		}
		err = g.complete(m, g.machine.Applied())
		now, changed := g.replica.Material()
		if changed == nil && now.Declared != m.Declared && (err == nil || errors.Is(err, fs.ErrNotExist)) {
			continue // one that was being made has taken its place; there will be no other
		}
		return err
	}
}

// complete returns why the state can't be made of this material without losing anything that was acknowledged, nil if it
// can. had is the last entry that the corrupt state is known to have had.
func (g *group) complete(m replica.Material, had uint64) error {
	from, err := g.ownSource(g.hub.ctx, m)
	if err != nil {
		return err
	}
	if last := max(m.Last, m.Declared); max(had, from.index) > last {
		return fmt.Errorf("the log ends at entry %d, but entry %d has been applied", last, max(had, from.index))
	}
	if m.First > from.index+1 {
		return fmt.Errorf("the log begins at entry %d, but the snapshot ends at %d", m.First, from.index)
	}
	return nil
}

// completeAside is completeHere for a group that is not open.
func (g *group) completeAside(had uint64) error {
	m, err := replica.Look(replica.Config{Dir: g.dir, Logger: g.log, SegmentBytes: g.segmentBytes()})
	if err != nil {
		return err
	}
	return g.complete(m, had)
}

// incomplete is why a node that is alone does not serve: what was acknowledged may be missing from what it has.
func (g *group) incomplete(why error) error {
	what := "state"
	if corruptPart(why) == quarantine.Whole {
		what = "log"
	}
	return fault.New(fault.Unavailable, "the %s of group %d is corrupt, no other node has it, and it can't be rebuilt from what is here without losing what was acknowledged: %v", what, g.id, why).
		WithHint("restore a backup to an empty folder: weir hub restore FILE --data DIR; %s stays as it is", g.dir).WithCause(why)
}

// appliedIn returns the last entry that a state has that may be corrupt, 0 if that can't be read.
func appliedIn(s *store.Store) (index uint64) {
	err := s.Peek(func(r store.Reader) (err error) {
		index, err = machine.AppliedIn(r)
		return err
	})
	if err != nil {
		return 0
	}
	return index
}
