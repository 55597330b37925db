// Package replica runs a node's part of one Raft group: the log on disk, the snapshots, elections.
package replica

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"weir/hub/internal/raftlog"
	"weir/hub/internal/snapshot"
)

// Raft's bounds. An entry has up to 256 KiB.
const (
	// defaultSegmentBytes is the size of the log's files, which are allocated whole.
	defaultSegmentBytes = 16 << 20
	// maxAppendEntries is how many entries share an fsync, and a batch of rows, at most.
	maxAppendEntries = 64
	// defaultTrailing entries stay behind a snapshot for followers that are a little late.
	defaultTrailing = 1024
	// snapshotThreshold entries, looked for every snapshotInterval, make a snapshot; and a restart reads at most so many.
	snapshotThreshold = 8192
	snapshotInterval  = 30 * time.Second
	// enqueueTimeout is how long a proposal waits for the leader's loop, which a slow disk holds up.
	enqueueTimeout = 10 * time.Second
)

// Config says what a Replica is made of.
type Config struct {
	// FS is where Dir is. Nil: the operating system's.
	FS vfs.FS
	// Dir has the log and the snapshots.
	Dir     string
	NodeID  string
	Logger  *slog.Logger
	Machine Machine
	// Streams leads to the group's other nodes, by their names. Nil: this node is the only one for good. It is called each
	// time that the node begins to take part.
	Streams func() raft.StreamLayer
	// Found has the nodes that a new group begins with. Empty: the group is there already, and this node waits for being let
	// in if its log is empty.
	Found []string
	// Kept says that the log was here before: if it is missing, opening fails, as this node's votes are lost with it.
	Kept bool
	// Parked has the replica opened without taking part, until Begin.
	Parked bool
	// SegmentBytes is the size of the log's files. 0: 16 MiB.
	SegmentBytes int
	// Trailing entries stay in the log behind a snapshot. 0: 1,024.
	Trailing uint64
	// Lazy has followers learn of the last commit only after a second when nothing follows it.
	Lazy bool
	// Full is told when there is no room for the log, and may make some. May be nil.
	Full func()
	// Check looks for damage in a snapshot before it is sent or taken over. May be nil.
	Check func(dir string) error
	// Offer asks a node which files of a snapshot it has of an earlier attempt to send one, by their SHA-256: KeptFiles there.
	// May be nil.
	Offer func(ctx context.Context, node string, files []snapshot.File) (map[string][sha256.Size]byte, error)
}

// ErrLogGone says that the log is missing from a node that had one. Were it to vote again, with an empty log, entries
// could be lost that it has helped to acknowledge.
var ErrLogGone = errors.New("the Raft log is gone")

// A Replica is a node's part of a Raft group. It may be parked: it then takes no part, and knows of nothing. It is safe for
// concurrent use, except for Begin, Park and Close.
type Replica struct {
	settings Config
	led      chan bool
	// changed has room for one signal that leader or members may be others, broken for why this node can't take part.
	changed chan struct{}
	broken  chan error
	feeding feeding

	life atomic.Pointer[life] // nil while parked
}

// Open recovers the log, and the machine if it is behind the last snapshot, and takes part in the group unless it is to be
// parked. An error about what is on disk is a raftlog.ErrCorrupt, raftlog.ErrNoRoom or raftlog.ErrDisk, or of the machine.
func Open(c Config) (*Replica, error) {
	if c.FS == nil {
		c.FS = vfs.Default
	}
	c.SegmentBytes = segmentBytes(c)
	c.Trailing = cmp.Or(c.Trailing, defaultTrailing)
	r := &Replica{settings: c, led: make(chan bool, 16), changed: make(chan struct{}, 1), broken: make(chan error, 1)}
	r.feeding.init(c)
	if c.Parked {
		return r, nil
	}
	return r, r.Begin()
}

func segmentBytes(c Config) int { return cmp.Or(c.SegmentBytes, defaultSegmentBytes) }

func (r *Replica) config(c Config) *raft.Config {
	config := raft.DefaultConfig()
	config.LocalID = raft.ServerID(c.NodeID)
	config.Logger = newLogger(c.Logger, "raft")
	config.NotifyCh = r.led
	t := timingOf(c)
	config.HeartbeatTimeout, config.ElectionTimeout, config.LeaderLeaseTimeout = t.election, t.election, t.election
	config.CommitTimeout = t.commit
	config.MaxAppendEntries = maxAppendEntries
	config.TrailingLogs = c.Trailing
	config.SnapshotThreshold, config.SnapshotInterval = snapshotThreshold, snapshotInterval
	config.NoLegacyTelemetry = true
	// A node that has been let go says so, rather than to stop on its own.
	config.ShutdownOnRemove = false
	return config
}

// compare tells whether the machine lacks what a snapshot has, and refuses a log that lacks what the machine has: going on
// would pass over new entries as if they had been applied.
func compare(applied uint64, l *raftlog.Log, snapshots *snapshot.Store) (behind bool, err error) {
	last, err := l.LastIndex()
	if err != nil {
		return false, fmt.Errorf("read the log: %w", err)
	}
	all, err := snapshots.List()
	if err != nil {
		return false, err
	}
	var declared uint64
	if len(all) > 0 {
		declared = all[0].Index
	}
	first, err := l.FirstIndex()
	if err != nil {
		return false, fmt.Errorf("read the log: %w", err)
	}
	if applied > max(last, declared) {
		return false, fmt.Errorf("%w: it ends at entry %d, but entry %d has been applied: its folder is not the one that belongs to the state's", raftlog.ErrCorrupt, last, applied)
	}
	if first > max(applied, declared)+1 {
		return false, fmt.Errorf("%w: it begins at entry %d, but the state ends at %d and no snapshot has what is between", raftlog.ErrCorrupt, first, applied)
	}
	return applied < declared, nil
}

// bootstrap begins a new group with these nodes, unless there is one.
func bootstrap(config *raft.Config, found []string, l *raftlog.Log, snapshots raft.SnapshotStore, transport raft.Transport) error {
	there, err := raft.HasExistingState(l, l, snapshots)
	if err != nil {
		return fmt.Errorf("read the log: %w", err)
	}
	if there || len(found) == 0 {
		return nil
	}
	var first raft.Configuration
	for _, name := range found {
		first.Servers = append(first.Servers, raft.Server{ID: raft.ServerID(name), Address: raft.ServerAddress(name)})
	}
	if err := raft.BootstrapCluster(config, l, l, snapshots, transport, first); err != nil {
		return fmt.Errorf("begin the log: %w", err)
	}
	return nil
}

// newRaft turns the panic with which raft meets an unreadable log into an error.
func newRaft(config *raft.Config, machine raft.FSM, l *raftlog.Log, snapshots raft.SnapshotStore, transport raft.Transport) (r *raft.Raft, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("start raft: %v", p)
		}
	}()
	r, err = raft.NewRaft(config, machine, l, l, snapshots, transport)
	if err != nil {
		return nil, fmt.Errorf("start raft: %w", err)
	}
	return r, nil
}

// Propose hands an entry to the leader's loop, in order of the calls, and returns at once unless that is held up.
func (r *Replica) Propose(entry []byte) raft.ApplyFuture {
	l := r.life.Load()
	if l == nil {
		return refused{raft.ErrNotLeader}
	}
	return proposal{l.raft.Apply(entry, enqueueTimeout)}
}

// refused is the future of what was not even tried.
type refused struct{ why error }

// Error returns why.
func (r refused) Error() error { return r.why }

// Index returns 0.
func (r refused) Index() uint64 { return 0 }

// Response returns nil.
func (r refused) Response() any { return nil }

// Barrier waits until all that was committed before is applied. It fails where this node does not lead.
func (r *Replica) Barrier() error {
	l := r.life.Load()
	if l == nil {
		return raft.ErrNotLeader
	}
	return l.raft.Barrier(enqueueTimeout).Error()
}

// Led is told whenever this node begins or ceases to lead.
func (r *Replica) Led() <-chan bool { return r.led }

// Leads reports whether this node leads.
func (r *Replica) Leads() bool {
	l := r.life.Load()
	return l != nil && l.raft.State() == raft.Leader
}

// Term returns the current term, 0 while the replica is parked.
func (r *Replica) Term() uint64 {
	l := r.life.Load()
	if l == nil {
		return 0
	}
	return l.raft.CurrentTerm()
}

// Snapshot makes a snapshot now.
func (r *Replica) Snapshot() error {
	l := r.life.Load()
	if l == nil {
		return nil
	}
	if err := l.raft.Snapshot().Error(); err != nil && !errors.Is(err, raft.ErrNothingNewToSnapshot) {
		return err
	}
	return nil
}

// Close stops raft, waits for it and closes the log. Whoever waits for a proposal must have been answered before: raft
// leaves those unanswered that it has handed to the machine but not applied.
func (r *Replica) Close() error { return r.Park() }

// Certain reports whether an entry whose future failed with err was certainly not accepted. Of others it can't be told.
func Certain(err error) bool {
	return errors.Is(err, raft.ErrNotLeader) || errors.Is(err, raft.ErrEnqueueTimeout) ||
		errors.Is(err, raft.ErrLeadershipTransferInProgress)
}
