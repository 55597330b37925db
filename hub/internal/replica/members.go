package replica

import (
	"fmt"
	"time"

	"github.com/hashicorp/raft"
)

// changeTimeout is how long a change of the membership may wait for the leader's loop.
const changeTimeout = 5 * time.Second

// Members are the nodes of a group by the latest configuration that a node has.
type Members struct {
	// Voters are those whose votes count, Learners receive the log only.
	Voters, Learners []string
}

// Members returns the group's members as far as this node knows.
func (r *Replica) Members() Members {
	var m Members
	l := r.life.Load()
	if l == nil {
		return m
	}
	for _, s := range l.raft.GetConfiguration().Configuration().Servers {
		if s.Suffrage == raft.Voter {
			m.Voters = append(m.Voters, string(s.ID))
		} else {
			m.Learners = append(m.Learners, string(s.ID))
		}
	}
	return m
}

// Learn has a node receive the log without a vote. It waits until that is committed; raft takes no other change before.
func (r *Replica) Learn(node string) error {
	return r.change("add", node, func(on *raft.Raft) raft.IndexFuture {
		return on.AddNonvoter(raft.ServerID(node), raft.ServerAddress(node), 0, changeTimeout)
	})
}

// Promote gives a learner a vote. It waits until that is committed.
func (r *Replica) Promote(node string) error {
	return r.change("promote", node, func(on *raft.Raft) raft.IndexFuture {
		return on.AddVoter(raft.ServerID(node), raft.ServerAddress(node), 0, changeTimeout)
	})
}

// Remove takes a node out of the group. It waits until that is committed.
func (r *Replica) Remove(node string) error {
	return r.change("remove", node, func(on *raft.Raft) raft.IndexFuture {
		return on.RemoveServer(raft.ServerID(node), 0, changeTimeout)
	})
}

func (r *Replica) change(what, node string, try func(*raft.Raft) raft.IndexFuture) error {
	l := r.life.Load()
	if l == nil {
		return fmt.Errorf("%s node %q: %w", what, node, raft.ErrNotLeader)
	}
	if err := try(l.raft).Error(); err != nil {
		return fmt.Errorf("%s node %q: %w", what, node, err)
	}
	return nil
}
