package hub

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"weir/hub/internal/raftlog"
	"weir/hub/internal/replica"
	"weir/hub/internal/store"
)

// A source is what a corrupt state is replaced by.
type source struct {
	// dir has the files, "" where the log has everything.
	dir string
	// index is of the last entry that it has.
	index uint64
	// fetched is true for what another node has lent: this node's own snapshot is then of no use either.
	fetched bool
}

// A filling is the search for a source.
type filling struct {
	cancel context.CancelFunc
	done   chan struct{}
	// found and err are valid once done is closed.
	found source
	err   error
}

// fillPauseMost is the longest pause between two searches: each may read all of this node's snapshot, and fetch another state.
const fillPauseMost = time.Minute

// refill takes the next step of rebuilding a state whose log is intact: the node goes on voting and keeping the log without
// it, while a source is looked for; then the state is replaced, and the log leads on from there.
func (g *group) refill() error {
	if !g.isAside() {
		return nil
	}
	if g.replica.Parked() {
		if err := g.vote(); err != nil || g.replica.Parked() {
			return err
		}
	}
	if g.replica.Leads() {
		g.handOn()
	}
	if g.filling == nil {
		g.fill()
		return nil
	}
	select {
	case <-g.filling.done:
	default:
		return nil
	}
	found, err := g.filling.found, g.filling.err
	if err != nil {
		g.filling = nil
		if g.hub.alone() {
			g.hub.fail(g.incomplete(err))
			return nil
		}
		g.fillPause = min(max(2*g.fillPause, tick), fillPauseMost)
		g.fillFrom = time.Now().Add(g.fillPause)
		g.log.Warn("the state can't be rebuilt yet, it is tried again", "in", g.fillPause, "error", err)
		return nil
	}
	_, declared, err := g.replica.Kept()
	if err != nil {
		return err
	}
	if last, _ := g.replica.End(); max(last, declared) < found.index {
		return nil // the log has to get there first: this node must not have what it acknowledged in its state and not in its log
	}
	g.filling = nil
	return g.takeOver(found)
}

// vote takes part in the group without a state.
func (g *group) vote() error {
	err := g.replica.BeginIdle()
	switch {
	case err == nil:
		g.log.Info("this node votes, while its state is being rebuilt")
	case errors.Is(err, raftlog.ErrNoRoom):
		return nil
	case isCorrupt(err):
		g.condemn(err)
		return nil
	case errors.Is(err, replica.ErrLogGone):
		g.hub.fail(err)
	}
	return err
}

// handOn hands the lead to a node that has a state.
func (g *group) handOn() {
	for node, status := range g.hub.askAll(g.hub.ctx) {
		for _, s := range status.GetGroups() {
			if s.GetGroup() != uint32(g.id) || s.GetAils() != "" || node == g.hub.node.Name {
				continue
			}
			if err := g.replica.Transfer(node); err == nil {
				g.log.Info("handed the lead over, as the state is being rebuilt", "to", node)
				return
			}
		}
	}
}

// fill begins to look for a source, unless that was in vain a moment ago.
func (g *group) fill() {
	if time.Now().Before(g.fillFrom) {
		return
	}
	ctx, cancel := context.WithCancel(g.hub.ctx)
	f := &filling{cancel: cancel, done: make(chan struct{})}
	spawned := g.hub.status.spawn(&g.hub.running, func() {
		defer cancel()
		defer close(f.done)
		f.found, f.err = g.findSource(ctx)
	})
	if !spawned {
		cancel()
		return
	}
	g.filling = f
}

// giveUpFilling ends the search, where there is one.
func (g *group) giveUpFilling() {
	if f := g.filling; f != nil {
		f.cancel()
		<-f.done
		g.filling = nil
	}
}

func (g *group) refillDir() string { return filepath.Join(g.dir, "refill") }

// findSource finds what the state can be made of: this node's own snapshot, its log alone, or what another node lends.
func (g *group) findSource(ctx context.Context) (source, error) {
	m, err := g.replica.Material()
	if err != nil {
		return source{}, err
	}
	own, err := g.ownSource(ctx, m)
	if err == nil {
		return own, nil
	}
	if g.hub.alone() || ctx.Err() != nil {
		return source{}, err
	}
	g.log.Info("the state can't be rebuilt from what is here, so it is fetched", "error", err)
	at, err := g.borrow(ctx, m.Declared)
	return source{g.refillDir(), at, true}, err
}

// ownSource returns what the state can be made of without another node.
func (g *group) ownSource(ctx context.Context, m replica.Material) (source, error) {
	if m.Dir == "" {
		if m.First > 1 {
			return source{}, fmt.Errorf("the log begins at entry %d, and there is no snapshot of what was before", m.First)
		}
		return source{}, nil
	}
	at, err := g.lookAt(ctx, m.Dir)
	if err != nil {
		return source{}, fmt.Errorf("the snapshot is corrupt too: %w", err)
	}
	return source{dir: m.Dir, index: at}, nil
}

// lookAt reads all of a state's files and rows, until ctx ends, and returns the index of its last entry.
func (g *group) lookAt(ctx context.Context, dir string) (index uint64, err error) {
	fs := pacedFS{vfs.Default, &pace{ctx: ctx}}
	if err := store.Check(fs, dir); err != nil {
		return 0, err
	}
	return readRows(fs, dir, g.log)
}

// takeOver replaces the state, and takes part in the group with it.
func (g *group) takeOver(found source) error {
	if err := g.replica.Park(); err != nil {
		g.log.Info("the node's part in the group ended with errors", "error", err)
	}
	declared, err := g.replica.Declared()
	if err != nil {
		return err
	}
	if found.index < declared {
		g.log.Info("the leader has sent a newer snapshot meanwhile, of which the state is made")
		return nil
	}
	if err := g.machine.Anew(func() error { return g.place(found) }); err != nil {
		g.hub.fail(fmt.Errorf("replace the corrupt state: %w", err))
		return nil
	}
	if err := g.begin(g.replica.Begin); err != nil || g.ailing() != "" {
		return err
	}
	g.fillPause = 0
	g.examination.held.Store(false)
	g.examination.stopped.Store(false)
	g.log.Info("the corrupt state has been rebuilt", "up to", found.index, "fetched", found.fetched)
	return errors.Join(g.quarantine.End(), os.RemoveAll(g.refillDir()))
}

// place puts a source's files in the place of the state, and in that of the snapshot if that is corrupt.
func (g *group) place(found source) error {
	if err := os.RemoveAll(g.stateDir()); err != nil { // what has stood in since the corrupt one was set aside
		return err
	}
	if found.dir == "" {
		return nil
	}
	if found.fetched {
		if err := g.placeSnapshot(found.dir); err != nil {
			return fmt.Errorf("replace the snapshot: %w", err)
		}
	}
	return linkFolder(found.dir, g.stateDir())
}

// placeSnapshot replaces what the newest snapshot has. It may have more than the entry that it is declared for. Interrupted, it
// is done again: a snapshot has the old state, or the new one as a whole, or none.
func (g *group) placeSnapshot(from string) error {
	all := filepath.Join(g.dir, "snapshots")
	kept, err := os.ReadDir(all)
	if err != nil {
		return err
	}
	for _, snapshot := range kept {
		if filepath.Ext(snapshot.Name()) == ".part" {
			continue // it is not one yet
		}
		dir := filepath.Join(all, snapshot.Name(), "state")
		if err := errors.Join(os.RemoveAll(dir+".new"), linkFolder(from, dir+".new")); err != nil {
			return err
		}
		if err := g.quarantine.Move(dir, "snapshot"); err != nil {
			return err
		}
		if err := errors.Join(os.Rename(dir+".new", dir), syncFolder(filepath.Dir(dir))); err != nil {
			return err
		}
	}
	return nil
}

// linkFolder makes a folder that has the files of another: tables, which are never changed, as links.
func linkFolder(from, to string) error {
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	names, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range names {
		place := vfs.Copy
		if filepath.Ext(e.Name()) == ".sst" {
			place = vfs.LinkOrCopy
		}
		if err := place(vfs.Default, filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil {
			return err
		}
	}
	return errors.Join(syncFolder(to), syncFolder(filepath.Dir(to)))
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
