package replica

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/errors/oserror"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"weir/hub/internal/raftlog"
	"weir/hub/internal/snapshot"
)

// A Material is what a state can be made of anew: the newest snapshot, and the entries after it.
type Material struct {
	// Dir is the folder of the newest snapshot's state, which has not been looked at, "" if there is none. Declared is the
	// snapshot's entry, 0 if there is none.
	Dir      string
	Declared uint64
	// First and Last are of the log's first and last entry, 0 for an empty log.
	First, Last uint64
}

// Look returns the material in the folder of a group that is not open. All entries are looked at; the error is a
// raftlog.ErrCorrupt if one of them, or the log's end, is not what was written.
func Look(c Config) (m Material, err error) {
	if c.FS == nil {
		c.FS = vfs.Default
	}
	dir := c.FS.PathJoin(c.Dir, "log")
	if _, err := c.FS.Stat(dir); oserror.IsNotExist(err) {
		return m, fmt.Errorf("%s: %w", dir, ErrLogGone)
	}
	snapshots, err := snapshot.Open(c.FS, c.FS.PathJoin(c.Dir, "snapshots"), nil)
	if err != nil {
		return m, err
	}
	log, err := raftlog.Open(dir, raftlog.Options{FS: c.FS, Logger: newLogger(c.Logger, "wal"), SegmentBytes: segmentBytes(c)})
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	return materialOf(log, snapshots)
}

// Material is Look where this node takes part in the group.
func (r *Replica) Material() (Material, error) {
	l := r.life.Load()
	if l == nil {
		return Material{}, raft.ErrRaftShutdown
	}
	return materialOf(l.log, l.snapshots)
}

func materialOf(log *raftlog.Log, snapshots *snapshot.Store) (m Material, err error) {
	all, err := snapshots.List()
	if err != nil {
		return m, err
	}
	if len(all) > 0 {
		m.Dir, m.Declared = snapshots.State(all[0].ID), all[0].Index
	}
	if m.First, err = log.FirstIndex(); err != nil {
		return m, err
	}
	m.Last, err = log.LastIndex()
	m.Last = log.Durable(m.Last)
	return m, err
}
