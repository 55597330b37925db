package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"weir/hub/backup"
	"weir/hub/internal/control"
	"weir/hub/internal/machine"
	"weir/hub/internal/placement"
	"weir/hub/internal/store"
	"weir/proto/fault"
	"weir/proto/meshpb"
)

// checkpointFolder, in the data folder, has the states that a backup is read from. It is there only while one is made.
const checkpointFolder = "backup"

const (
	// backupWait is how long a backup waits for this node to catch up with a group.
	backupWait = 10 * time.Second
	// A backup works for backupWork and then leaves the processors to others for as long: it is in no hurry, and publications
	// are.
	backupWork = 3 * time.Millisecond
	// deletionTries is how often a backup is begun anew because a tenant was deleted just then.
	deletionTries = 5
)

// Backup writes an archive of the whole region, as package backup describes it: of each group the state at one entry, which
// is not before the last one that was committed when Backup was called. Entries go on being applied meanwhile.
//
// Nothing has been written where it refuses because this node can't reach the leaders, or is at it already. Of later errors
// the archive says why it is not complete.
func (h *Hub) Backup(ctx context.Context, w io.Writer) (*backup.Manifest, error) {
	if err := h.status.check(); err != nil {
		return nil, err
	}
	if !h.backingUp.CompareAndSwap(false, true) {
		return nil, fault.New(fault.Busy, "this node is making another backup").WithHint("wait for it, or ask another node")
	}
	defer h.backingUp.Store(false)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(h.ctx, func() { cancel(context.Cause(h.ctx)) })()

	taken, err := h.takeCheckpoints(ctx)
	if err != nil {
		return nil, errors.Join(err, h.dropCheckpoints())
	}
	m, err := h.writeBackup(ctx, w, taken)
	return m, errors.Join(err, h.dropCheckpoints())
}

// A checkpoint is the state of a group as a backup has it.
type checkpoint struct {
	dir  string
	term uint64
}

func (h *Hub) checkpointDir(id placement.Group) string {
	return filepath.Join(h.dir.Path, checkpointFolder, strconv.Itoa(int(id)))
}

// dropCheckpoints removes what a backup was read from, also one that has not ended.
func (h *Hub) dropCheckpoints() error {
	return os.RemoveAll(filepath.Join(h.dir.Path, checkpointFolder))
}

// takeCheckpoints makes a checkpoint of each group. What they say belongs together: a tenant whose channels a shard has is
// in the control state or was being dropped there.
func (h *Hub) takeCheckpoints(ctx context.Context) ([]checkpoint, error) {
	ctx, cancel := context.WithTimeout(ctx, backupWait)
	defer cancel()
	for range deletionTries {
		before := h.control.State()
		taken, err := h.takeOnce(ctx)
		if err != nil {
			return nil, err
		}
		gone, err := h.dropsSince(before)
		if err != nil || !gone {
			return taken, err
		}
	}
	return nil, fault.New(fault.Busy, "tenants are being deleted all the time").WithHint("try again later")
}

// takeOnce takes the control group last: it then knows all tenants that the shards have.
func (h *Hub) takeOnce(ctx context.Context) ([]checkpoint, error) {
	if err := h.dropCheckpoints(); err != nil {
		return nil, err
	}
	if err := os.Mkdir(filepath.Join(h.dir.Path, checkpointFolder), 0o700); err != nil {
		return nil, err
	}
	taken := make([]checkpoint, len(h.groups))
	for i := len(h.groups) - 1; i >= 0; i-- {
		g := h.groups[i]
		if err := g.catchUp(ctx); err != nil {
			return nil, fault.New(fault.Unavailable, "this node can't tell whether it has all of group %d", g.id).
				WithHint("ask another node; \"weir hub status\" shows how they are").WithCause(err)
		}
		_, term := g.replica.Leader()
		taken[i] = checkpoint{dir: h.checkpointDir(g.id), term: term}
		if err := g.store.Checkpoint(taken[i].dir); err != nil {
			return nil, fmt.Errorf("make a checkpoint of group %d: %w", g.id, err)
		}
	}
	return taken, nil
}

// catchUp waits until this node has applied what the group's leader had committed when it was asked.
func (g *group) catchUp(ctx context.Context) error {
	for {
		if why := g.ailing(); why != "" {
			return fault.New(fault.Unavailable, "this node's %s of group %d is not what it should be", why, g.id)
		}
		at, err := g.committed(ctx)
		for err == nil && g.replica.Applied() < at {
			err = sleep(ctx, readyEvery)
		}
		if err == nil {
			return nil
		}
		if late := sleep(ctx, readyEvery); late != nil {
			return errors.Join(late, err)
		}
	}
}

// committed asks the group's leader, or finds out where this node leads.
func (g *group) committed(ctx context.Context) (uint64, error) {
	leader, err := g.awaitLeader(ctx)
	if err != nil {
		return 0, err
	}
	if leader == g.hub.node.Name {
		return g.verifiedCommit(ctx)
	}
	at, err := call[meshpb.Committed](ctx, g.hub, leader, methodCommitted, &meshpb.GetCommitted{
		Region: g.hub.region.ID, Group: uint32(g.id),
	})
	return at.GetIndex(), err
}

// verifiedCommit returns how far the group is that this node leads, after making sure that it still does.
func (g *group) verifiedCommit(ctx context.Context) (uint64, error) {
	if err := g.checkLead(); err != nil {
		return 0, err
	}
	at := g.replica.Committed()
	return at, g.verify(ctx)
}

// answerCommitted is verifiedCommit for another node.
func (h *Hub) answerCommitted(ctx context.Context, from string, q *meshpb.GetCommitted) (*meshpb.Committed, error) {
	if err := h.checkRegion(from, q.GetRegion()); err != nil {
		return nil, err
	}
	if int(q.GetGroup()) >= len(h.groups) {
		return nil, fault.New(fault.InvalidArgument, "there is no group %d", q.GetGroup())
	}
	at, err := h.groups[q.GetGroup()].verifiedCommit(ctx)
	return &meshpb.Committed{Index: at}, err
}

// sleep waits, unless ctx ends before.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// dropsSince reports whether the control state's checkpoint has forgotten a tenant that was there before: a shard's
// checkpoint may have channels of it still.
func (h *Hub) dropsSince(before *control.State) (bool, error) {
	s, err := h.openCheckpoint(placement.Control)
	if err != nil {
		return false, err
	}
	c, err := control.Open(s)
	if err != nil {
		return false, errors.Join(err, s.Close())
	}
	return before.ForgottenIn(c.State()), s.Close()
}

func (h *Hub) openCheckpoint(id placement.Group) (*store.Store, error) {
	return store.Open(h.checkpointDir(id), store.Options{
		ReadOnly: true, Logger: h.log.With("group", uint32(id), "source", "backup"), OnCorrupt: h.noteCorrupt,
	})
}

// writeBackup writes the archive.
func (h *Hub) writeBackup(ctx context.Context, w io.Writer, taken []checkpoint) (*backup.Manifest, error) {
	a, err := backup.NewWriter(w, backup.Header{
		Region: h.region.ID, Node: h.node.Name, Shards: h.region.Shards, MadeMs: h.config.Now().UnixMilli(),
	})
	if err != nil {
		return nil, err
	}
	for i, c := range taken {
		if err = h.writeGroup(ctx, a, h.groups[i], c); err != nil {
			break
		}
	}
	var m *backup.Manifest
	if err == nil {
		m, err = a.Finish()
	}
	if err != nil {
		return nil, errors.Join(err, a.Fail(err), a.Close())
	}
	h.log.Info("wrote a backup", "events", m.Events(), "sha256", m.SHA256)
	return m, a.Close()
}

// writeGroup writes a group, and gives its checkpoint's files up.
func (h *Hub) writeGroup(ctx context.Context, a *backup.Writer, g *group, c checkpoint) error {
	s, err := h.openCheckpoint(g.id)
	if err != nil {
		return err
	}
	err = s.View(func(r store.Reader) error {
		at, err := machine.AppliedIn(r)
		if err != nil {
			return err
		}
		if err := a.Begin(backup.Group{Group: uint32(g.id), Index: at, Term: c.term}); err != nil {
			return err
		}
		begun := time.Now()
		err = r.ScanSealed(func(key, value []byte) error {
			if time.Since(begun) >= backupWork {
				if err := sleep(ctx, backupWork); err != nil {
					return err
				}
				begun = time.Now()
			}
			return a.Row(key, value)
		})
		if err != nil {
			return err
		}
		return a.End()
	})
	return errors.Join(err, s.Close(), os.RemoveAll(c.dir))
}
