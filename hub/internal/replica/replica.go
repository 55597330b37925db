// Package replica runs a node's part of one Raft group: the log on disk, the snapshots, elections.
package replica

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"

	"weir/hub/internal/snapshot"
)

// Raft's bounds. An entry has up to 256 KiB.
const (
	// defaultSegmentBytes is the size of the log's files, which are allocated whole.
	defaultSegmentBytes = 16 << 20
	// maxAppendEntries is how many entries share an fsync, and a batch of rows, at most.
	maxAppendEntries = 64
	// trailingLogs stay behind a snapshot for followers that are a little late.
	trailingLogs = 1024
	// snapshotThreshold entries, looked for every snapshotInterval, make a snapshot; and a restart reads at most so many.
	snapshotThreshold = 8192
	snapshotInterval  = 30 * time.Second
	// enqueueTimeout is how long a proposal waits for the leader's loop, which a slow disk holds up.
	enqueueTimeout = 10 * time.Second
)

// Config says what a Replica is made of.
type Config struct {
	// Dir has the log and the snapshots.
	Dir     string
	NodeID  string
	Logger  *slog.Logger
	Machine Machine
	// Streams leads to the group's other nodes, by their names. Nil: this node is the only one for good.
	Streams raft.StreamLayer
	// Found has the nodes that a new group begins with. Empty: the group is there already, and this node waits for being let
	// in if its log is empty.
	Found []string
	// Kept says that the log was here before: if it is missing, opening fails, as this node's votes are lost with it.
	Kept bool
	// SegmentBytes is the size of the log's files. 0: 16 MiB.
	SegmentBytes int
	// Lazy has followers hear of the last commit less soon when nothing follows it.
	Lazy bool
}

// ErrLogGone says that the log is missing from a node that had one. Were it to vote again, with an empty log, entries
// could be lost that it has helped to acknowledge.
var ErrLogGone = errors.New("the Raft log is gone")

// A Replica is a node's part of a Raft group. It is safe for concurrent use.
type Replica struct {
	raft      *raft.Raft
	log       *wal.WAL
	transport closingTransport
	self      raft.ServerID
	led       chan bool

	// observed gets leaders and peers as they change, changed has room for one signal of it.
	observer *raft.Observer
	observed chan raft.Observation
	changed  chan struct{}
	watching sync.WaitGroup
}

// Open recovers the log, and the machine if it is behind the last snapshot, and takes part in the group.
func Open(c Config) (*Replica, error) {
	dir := filepath.Join(c.Dir, "log")
	if _, err := os.Stat(dir); c.Kept && errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", dir, ErrLogGone)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder for the log: %w", err)
	}
	snapshots, err := snapshot.Open(filepath.Join(c.Dir, "snapshots"))
	if err != nil {
		return nil, err
	}
	segment := cmp.Or(c.SegmentBytes, defaultSegmentBytes)
	l, err := wal.Open(dir, wal.WithLogger(newLogger(c.Logger, "wal")), wal.WithSegmentSize(segment))
	if err != nil {
		return nil, fmt.Errorf("open the log in %s: %w", dir, err)
	}
	r := &Replica{log: l, self: raft.ServerID(c.NodeID), led: make(chan bool, 16), changed: make(chan struct{}, 1)}
	if err := r.start(c, snapshots); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	r.watch()
	return r, nil
}

func (r *Replica) start(c Config, snapshots *snapshot.Store) error {
	behind, err := compare(c.Machine.Applied(), r.log, snapshots)
	if err != nil {
		return err
	}
	r.transport = newTransport(c)
	config := r.config(c)
	config.NoSnapshotRestoreOnStart = !behind
	if err := bootstrap(config, c.Found, r.log, snapshots, r.transport); err != nil {
		return errors.Join(err, r.transport.Close())
	}
	r.raft, err = newRaft(config, c.Machine, r.log, snapshots, r.transport)
	if err != nil {
		return errors.Join(err, r.transport.Close())
	}
	return nil
}

func (r *Replica) config(c Config) *raft.Config {
	config := raft.DefaultConfig()
	config.LocalID = raft.ServerID(c.NodeID)
	config.Logger = newLogger(c.Logger, "raft")
	config.NotifyCh = r.led
	t := timingOf(c)
	config.HeartbeatTimeout, config.ElectionTimeout, config.LeaderLeaseTimeout = t.election, t.election, t.election
	config.CommitTimeout = t.commit
	config.MaxAppendEntries = maxAppendEntries
	config.TrailingLogs = trailingLogs
	config.SnapshotThreshold, config.SnapshotInterval = snapshotThreshold, snapshotInterval
	config.NoLegacyTelemetry = true
	// A node that has been let go says so, rather than to stop on its own.
	config.ShutdownOnRemove = false
	return config
}

// compare tells whether the machine lacks what a snapshot has, and refuses a log that lacks what the machine has: going on
// would pass over new entries as if they had been applied.
func compare(applied uint64, l *wal.WAL, snapshots *snapshot.Store) (behind bool, err error) {
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
		return false, fmt.Errorf("the log ends at entry %d, but entry %d has been applied: the log's folder is not the one that belongs to the state's", last, applied)
	}
	if first > max(applied, declared)+1 {
		return false, fmt.Errorf("the log begins at entry %d, but the state ends at %d and no snapshot has what is between", first, applied)
	}
	return applied < declared, nil
}

// bootstrap begins a new group with these nodes, unless there is one.
func bootstrap(config *raft.Config, found []string, l *wal.WAL, snapshots raft.SnapshotStore, transport raft.Transport) error {
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
func newRaft(config *raft.Config, m Machine, l *wal.WAL, snapshots raft.SnapshotStore, transport raft.Transport) (r *raft.Raft, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("start raft: %v", p)
		}
	}()
	r, err = raft.NewRaft(config, fsm{m}, l, l, snapshots, transport)
	if err != nil {
		return nil, fmt.Errorf("start raft: %w", err)
	}
	return r, nil
}

// Propose hands an entry to the leader's loop, in order of the calls, and returns at once unless that is held up.
func (r *Replica) Propose(entry []byte) raft.ApplyFuture { return r.raft.Apply(entry, enqueueTimeout) }

// Barrier waits until all that was committed before is applied. It fails where this node does not lead.
func (r *Replica) Barrier() error { return r.raft.Barrier(enqueueTimeout).Error() }

// Led is told whenever this node begins or ceases to lead.
func (r *Replica) Led() <-chan bool { return r.led }

// Leads reports whether this node leads.
func (r *Replica) Leads() bool { return r.raft.State() == raft.Leader }

// Term returns the current term.
func (r *Replica) Term() uint64 { return r.raft.CurrentTerm() }

// Snapshot makes a snapshot now.
func (r *Replica) Snapshot() error {
	if err := r.raft.Snapshot().Error(); err != nil && !errors.Is(err, raft.ErrNothingNewToSnapshot) {
		return err
	}
	return nil
}

// Stop ends this node's part in the group, for its state can't be trusted. The replica has yet to be closed.
func (r *Replica) Stop() error { return r.raft.Shutdown().Error() }

// Close stops raft, waits for it and closes the log. Whoever waits for a proposal must have been answered before: raft
// leaves those unanswered that it has handed to the machine but not applied.
func (r *Replica) Close() error {
	err := r.raft.Shutdown().Error()
	r.raft.DeregisterObserver(r.observer)
	close(r.observed)
	r.watching.Wait()
	return errors.Join(err, r.transport.Close(), r.log.Close())
}

// Certain reports whether an entry whose future failed with err was certainly not accepted. Of others it can't be told.
func Certain(err error) bool {
	return errors.Is(err, raft.ErrNotLeader) || errors.Is(err, raft.ErrEnqueueTimeout) ||
		errors.Is(err, raft.ErrLeadershipTransferInProgress)
}
