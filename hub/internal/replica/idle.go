package replica

import (
	"errors"
	"io"
	"strconv"

	"github.com/hashicorp/raft"

	"weir/hub/internal/snapshot"
)

// errIdle is what raft is told while the machine's state is being rebuilt.
var errIdle = errors.New("the state is being rebuilt")

// idlePatience is how many times as long an idle node waits before it stands for election: one that has a state is to lead.
const idlePatience = 4

// BeginIdle is Begin without the machine, whose state is being rebuilt: the node votes, and acknowledges entries that it
// has in its log, as what is wrong with its state concerns neither. Committed entries are passed over, no snapshot is made,
// and so nothing is removed from the log but what a snapshot has that the leader sends. When the machine has a state again: Park, and Begin.
func (r *Replica) BeginIdle() error { return r.live(true) }

// Idle reports whether the node takes part without its machine.
func (r *Replica) Idle() bool {
	l := r.life.Load()
	return l != nil && l.idle
}

// First returns the index of the first entry of this node's log, 0 if there is none or the replica is parked.
func (r *Replica) First() uint64 {
	l := r.life.Load()
	if l == nil {
		return 0
	}
	first, err := l.log.FirstIndex()
	if err != nil {
		return 0
	}
	return first
}

// End returns index and term of the last entry of this node's log that is durable; 0 while the replica is parked.
func (r *Replica) End() (index, term uint64) {
	l := r.life.Load()
	if l == nil {
		return 0, 0
	}
	stats := l.raft.Stats()
	term, _ = strconv.ParseUint(stats["last_log_term"], 10, 64)
	index, _ = strconv.ParseUint(stats["last_log_index"], 10, 64)
	// What a leader has taken and not written yet is all of its own term, as is the entry before, with which that began.
	return l.log.Durable(index), term
}

// Kept returns the folder of the newest snapshot's state and the snapshot's entry; "" if there is none. It has not been
// looked at.
func (r *Replica) Kept() (dir string, index uint64, err error) {
	l := r.life.Load()
	if l == nil {
		return "", 0, raft.ErrRaftShutdown
	}
	all, err := l.snapshots.List()
	if err != nil || len(all) == 0 {
		return "", 0, err
	}
	return l.snapshots.State(all[0].ID), all[0].Index, nil
}

// Declared returns the entry of the newest snapshot, 0 if there is none. The replica must be parked.
func (r *Replica) Declared() (index uint64, err error) {
	c := r.settings
	snapshots, err := snapshot.Open(c.FS, c.FS.PathJoin(c.Dir, "snapshots"), nil)
	if err != nil {
		return 0, err
	}
	all, err := snapshots.List()
	if err != nil || len(all) == 0 {
		return 0, err
	}
	return all[0].Index, nil
}

// An idler stands in for the machine.
type idler struct{}

var _ raft.BatchingFSM = idler{}

// Apply passes over an entry.
func (idler) Apply(*raft.Log) any { return errIdle }

// ApplyBatch passes over entries.
func (idler) ApplyBatch(logs []*raft.Log) []any {
	answers := make([]any, len(logs))
	for i := range answers {
		answers[i] = errIdle
	}
	return answers
}

// Snapshot refuses.
func (idler) Snapshot() (raft.FSMSnapshot, error) { return nil, errIdle }

// Restore passes over a snapshot that a leader has sent. It is kept by then, and the state is made of it. Were it refused, raft would
// be sent it again and again, and the log never get to where the leader's begins.
func (idler) Restore(io.ReadCloser) error { return nil }
