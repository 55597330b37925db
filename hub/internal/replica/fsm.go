package replica

import (
	"errors"
	"io"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"weir/hub/internal/raftlog"
	"weir/hub/internal/snapshot"
)

// A Machine is the replicated state machine.
type Machine interface {
	// Apply applies committed entries, passing over those that it has, and returns their answers.
	Apply(logs []*raft.Log) []any
	// Applied returns the index of the last entry that is in its store.
	Applied() uint64
	// Checkpoint makes the folder dir, which has at least all entries applied before.
	Checkpoint(dir string) error
	// Replace takes over a checkpoint that fill writes into the folder that it is given.
	Replace(fill func(fs vfs.FS, dir string) error) error
}

// fsm is how raft sees the machine. What is not durable here yet, and what raft reads from a log that is corrupt, reaches
// neither the machine nor a snapshot.
type fsm struct {
	machine Machine
	log     *raftlog.Log
}

var _ raft.BatchingFSM = fsm{}

// Apply applies one entry.
func (f fsm) Apply(l *raft.Log) any { return f.ApplyBatch([]*raft.Log{l})[0] }

// ApplyBatch applies entries, when they are durable here.
func (f fsm) ApplyBatch(logs []*raft.Log) []any {
	err := f.log.Await(logs[len(logs)-1].Index)
	if err == nil {
		err = f.trusted()
	}
	if err != nil {
		return withhold(logs, err)
	}
	return f.machine.Apply(logs)
}

// trusted returns why what comes from the log can't be.
func (f fsm) trusted() error {
	if err := f.log.Usable(); errors.Is(err, raftlog.ErrCorrupt) {
		return err
	}
	return nil
}

// Snapshot returns at once: Persist may have more entries than were applied now, which are passed over when replayed.
func (f fsm) Snapshot() (raft.FSMSnapshot, error) { return checkpoint(f), nil }

// Restore takes over a snapshot.
func (f fsm) Restore(r io.ReadCloser) error {
	return f.machine.Replace(func(fs vfs.FS, dir string) error { return snapshot.Unpack(fs, r, dir) })
}

// checkpoint is a snapshot that is yet to be made.
type checkpoint fsm

// Persist makes a checkpoint in the sink's folder. raft counts entries as applied that were withheld from the machine, as
// happens once the log is broken: a snapshot would lose them.
func (c checkpoint) Persist(sink raft.SnapshotSink) error {
	if err := c.log.Usable(); err != nil {
		return err
	}
	s, ok := sink.(*snapshot.Sink)
	if !ok {
		return errors.New("snapshots go to folders")
	}
	return s.Fill(c.machine.Checkpoint)
}

// Release has nothing to let go of.
func (c checkpoint) Release() {}
