package replica

import (
	"time"

	"github.com/hashicorp/raft"

	"weir/hub/internal/raftlog"
)

// Timeouts of groups. A follower that has not heard from its leader for one to two elections asks for votes, without
// raising the term before a majority would give them (pre-vote). Leaders are heard of ten times an election, on a way
// of their own past the disk, so a node has to be held up for long to be taken for dead.
const (
	// election of a group of several: a new leader is there within about a second. Half of it, and nodes that share two busy
	// cores took pauses of the scheduler for failures.
	election = 500 * time.Millisecond
	// commit is how soon followers hear of a commit that nothing follows, and lazyCommit where they need not.
	commit     = 50 * time.Millisecond
	lazyCommit = 250 * time.Millisecond
	// alone is election for the only node of its group for good: there is nobody to hear from, so waiting longer only
	// delays a restart.
	alone = 50 * time.Millisecond
)

// Bounds of calls between nodes.
const (
	// callTimeout is how long an answer may take, which comes after an fsync; a snapshot has that for every 256 KiB.
	callTimeout = 3 * time.Second
	// idleStreams are kept per node: replication, heartbeats and votes have one each.
	idleStreams = 3
	// inFlight appends to a follower: 1, which is one after another. With more, raft v1.7.3 sends ahead, and when a follower
	// then refuses one, as after a partition, the sender and the reader of answers can wait for each other for ever: that
	// follower gets no log any more, while heartbeats keep it quiet. An append has up to 64 entries.
	inFlight = 1
)

type timing struct{ election, commit time.Duration }

func timingOf(c Config) timing {
	switch {
	case c.Streams == nil:
		return timing{election: alone, commit: alone / 10}
	case c.Lazy:
		return timing{election: election, commit: lazyCommit}
	}
	return timing{election: election, commit: commit}
}

// A closingTransport is a transport that ends.
type closingTransport interface {
	raft.Transport
	raft.WithClose
}

// newTransport returns a transport for a log.
func (r *Replica) newTransport(log *raftlog.Log) closingTransport {
	c := r.settings
	if c.Streams == nil {
		_, t := raft.NewInmemTransport(raft.ServerAddress(c.NodeID))
		return t
	}
	return &gatedTransport{&feedingTransport{&r.feeding, raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
		Stream: c.Streams(), MaxPool: idleStreams, Timeout: callTimeout, Logger: newLogger(c.Logger, "transport"),
		MaxRPCsInFlight: inFlight,
	})}, log}
}
