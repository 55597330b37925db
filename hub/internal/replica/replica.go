// Package replica runs a node's part of one Raft group: the log on disk, the snapshots, elections.
package replica

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"

	"weir/hub/internal/snapshot"
)

// Raft's bounds. An entry has up to 256 KiB.
const (
	// segmentBytes is the size of the log's files, which are allocated whole.
	segmentBytes = 16 << 20
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

// alone are the timeouts of a group of one: there is nobody to hear from, so waiting longer only delays a restart.
const alone = 50 * time.Millisecond

// Config says what a Replica is made of.
type Config struct {
	// Dir has the log and the snapshots.
	Dir     string
	NodeID  string
	Logger  *slog.Logger
	Machine Machine
}

// A Replica is a node's part of a Raft group. It is safe for concurrent use.
type Replica struct {
	raft *raft.Raft
	log  *wal.WAL
	led  chan bool
}

// Open recovers the log, and the machine if it is behind the last snapshot, and joins the group: a new one of this node
// alone where there is nothing yet.
func Open(c Config) (*Replica, error) {
	dir := filepath.Join(c.Dir, "log")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder for the log: %w", err)
	}
	snapshots, err := snapshot.Open(filepath.Join(c.Dir, "snapshots"))
	if err != nil {
		return nil, err
	}
	l, err := wal.Open(dir, wal.WithLogger(newLogger(c.Logger, "wal")), wal.WithSegmentSize(segmentBytes))
	if err != nil {
		return nil, fmt.Errorf("open the log in %s: %w", dir, err)
	}
	r := &Replica{log: l, led: make(chan bool, 16)}
	if err := r.start(c, snapshots); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return r, nil
}

func (r *Replica) start(c Config, snapshots *snapshot.Store) error {
	behind, err := compare(c.Machine.Applied(), r.log, snapshots)
	if err != nil {
		return err
	}
	address, transport := raft.NewInmemTransport(raft.ServerAddress(c.NodeID))
	config := r.config(c)
	config.NoSnapshotRestoreOnStart = !behind
	if err := bootstrap(config, r.log, snapshots, transport, address); err != nil {
		return err
	}
	r.raft, err = newRaft(config, c.Machine, r.log, snapshots, transport)
	return err
}

func (r *Replica) config(c Config) *raft.Config {
	config := raft.DefaultConfig()
	config.LocalID = raft.ServerID(c.NodeID)
	config.Logger = newLogger(c.Logger, "raft")
	config.NotifyCh = r.led
	config.HeartbeatTimeout, config.ElectionTimeout, config.LeaderLeaseTimeout = alone, alone, alone
	config.CommitTimeout = alone / 10
	config.MaxAppendEntries = maxAppendEntries
	config.TrailingLogs = trailingLogs
	config.SnapshotThreshold, config.SnapshotInterval = snapshotThreshold, snapshotInterval
	config.NoLegacyTelemetry = true
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

// bootstrap makes this node the only voter of a new group, unless there is one.
func bootstrap(config *raft.Config, l *wal.WAL, snapshots raft.SnapshotStore, transport raft.Transport, address raft.ServerAddress) error {
	there, err := raft.HasExistingState(l, l, snapshots)
	if err != nil {
		return fmt.Errorf("read the log: %w", err)
	}
	if there {
		return nil
	}
	err = raft.BootstrapCluster(config, l, l, snapshots, transport, raft.Configuration{
		Servers: []raft.Server{{ID: config.LocalID, Address: address}},
	})
	if err != nil {
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

// Close stops raft, waits for it and closes the log. Whoever waits for a proposal must have been answered before: raft
// leaves those unanswered that it has handed to the machine but not applied.
func (r *Replica) Close() error {
	return errors.Join(r.raft.Shutdown().Error(), r.log.Close())
}

// Certain reports whether an entry whose future failed with err was certainly not accepted. Of others it can't be told.
func Certain(err error) bool {
	return errors.Is(err, raft.ErrNotLeader) || errors.Is(err, raft.ErrEnqueueTimeout) ||
		errors.Is(err, raft.ErrLeadershipTransferInProgress)
}
