package replica

import "github.com/hashicorp/raft"

// Counted returns the index of the last entry that raft itself takes for committed.
func (r *Replica) Counted() uint64 { return r.index((*raft.Raft).CommitIndex) }
