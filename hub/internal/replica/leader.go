package replica

import (
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"
)

// Changed is told that the leader, or who takes part, may have changed.
func (r *Replica) Changed() <-chan struct{} { return r.changed }

// Leader returns the name of the node that leads, as far as this one knows, "" if nobody is known to; and the term in which
// it leads.
func (r *Replica) Leader() (name string, term uint64) {
	l := r.life.Load()
	if l == nil {
		return "", 0
	}
	for {
		term = l.raft.CurrentTerm()
		_, id := l.raft.LeaderWithID()
		// Raft forgets the leader before it begins another term, so one that is known between is of that term.
		if l.raft.CurrentTerm() == term {
			return string(id), term
		}
	}
}

// Committed returns the index of the last entry that is known to be committed.
func (r *Replica) Committed() uint64 { return r.durable((*raft.Raft).CommitIndex) }

// Last returns the index of the last entry of this node's log.
func (r *Replica) Last() uint64 { return r.index((*raft.Raft).LastIndex) }

// Applied returns the index of the last committed entry that the machine has been handed, Raft's own among them, of which
// the machine does not hear; 0 while it is idle.
func (r *Replica) Applied() uint64 {
	if r.Idle() {
		return 0
	}
	return r.durable((*raft.Raft).AppliedIndex)
}

// index reads an index, 0 while the replica is parked.
func (r *Replica) index(of func(*raft.Raft) uint64) uint64 {
	l := r.life.Load()
	if l == nil {
		return 0
	}
	return of(l.raft)
}

// durable is index as far as the log is durable here, which what raft says may be ahead of.
func (r *Replica) durable(of func(*raft.Raft) uint64) uint64 {
	l := r.life.Load()
	if l == nil {
		return 0
	}
	return l.log.Durable(of(l.raft))
}

// Heard returns when the leader was last heard from. It means nothing on the leader.
func (r *Replica) Heard() time.Time {
	l := r.life.Load()
	if l == nil {
		return time.Time{}
	}
	return l.raft.LastContact()
}

// Transfer hands the lead to a node, or to the one that has most of the log for "". It returns when that node has been
// told to stand, or that it can't be.
func (r *Replica) Transfer(to string) error {
	l := r.life.Load()
	if l == nil {
		return nil
	}
	var future raft.Future
	if to == "" {
		future = l.raft.LeadershipTransfer()
	} else {
		future = l.raft.LeadershipTransferToServer(raft.ServerID(to), raft.ServerAddress(to))
	}
	if err := future.Error(); err != nil && !errors.Is(err, raft.ErrNotLeader) {
		return fmt.Errorf("hand over the lead: %w", err)
	}
	return nil
}
