package replica

import (
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/raft"
)

// observations is how many changes may wait for being looked at. What is lost beyond makes no difference: they are only
// a reason to look.
const observations = 16

// watch turns raft's observations into signals.
func (r *Replica) watch() {
	r.observed = make(chan raft.Observation, observations)
	r.observer = raft.NewObserver(r.observed, false, func(o *raft.Observation) bool {
		switch o.Data.(type) {
		case raft.LeaderObservation, raft.PeerObservation, raft.RaftState:
			return true
		}
		return false
	})
	r.raft.RegisterObserver(r.observer)
	r.watching.Go(func() {
		for range r.observed {
			select {
			case r.changed <- struct{}{}:
			default:
			}
		}
	})
}

// Changed is told that the leader, or who takes part, may have changed.
func (r *Replica) Changed() <-chan struct{} { return r.changed }

// Leader returns the name of the node that leads, as far as this one knows, "" if nobody is known to; and the term in which
// it leads.
func (r *Replica) Leader() (name string, term uint64) {
	for {
		term = r.raft.CurrentTerm()
		_, id := r.raft.LeaderWithID()
		// Raft forgets the leader before it begins another term, so one that is known between is of that term.
		if r.raft.CurrentTerm() == term {
			return string(id), term
		}
	}
}

// Verify makes sure that this node leads still: that a majority has just heard from it as their leader.
func (r *Replica) Verify() error { return r.raft.VerifyLeader().Error() }

// Committed returns the index of the last entry that is known to be committed.
func (r *Replica) Committed() uint64 { return r.raft.CommitIndex() }

// Last returns the index of the last entry of this node's log.
func (r *Replica) Last() uint64 { return r.raft.LastIndex() }

// Applied returns the index of the last committed entry that the machine has been handed, Raft's own among them, of which
// the machine does not hear.
func (r *Replica) Applied() uint64 { return r.raft.AppliedIndex() }

// Heard returns when the leader was last heard from. It means nothing on the leader.
func (r *Replica) Heard() time.Time { return r.raft.LastContact() }

// Transfer hands the lead to a node, or to the one that has most of the log for "". It returns when that node has been
// told to stand, or that it can't be.
func (r *Replica) Transfer(to string) error {
	var future raft.Future
	if to == "" {
		future = r.raft.LeadershipTransfer()
	} else {
		future = r.raft.LeadershipTransferToServer(raft.ServerID(to), raft.ServerAddress(to))
	}
	if err := future.Error(); err != nil && !errors.Is(err, raft.ErrNotLeader) {
		return fmt.Errorf("hand over the lead: %w", err)
	}
	return nil
}
