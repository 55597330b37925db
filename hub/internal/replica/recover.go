package replica

import (
	"errors"
	"fmt"

	"github.com/hashicorp/raft"

	"weir/hub/internal/raftlog"
	"weir/hub/internal/snapshot"
)

// Recover makes this node the only voter of its group, which goes on with all that this node's log has, and with nothing
// else: what the other voters had acknowledged without this one is lost, and one of them that comes back with a log of its
// own is none of the group's any more. It is for when a majority of the logs is lost. The replica must be parked, and
// begins with Begin. Interrupted, it has either been done or can be done again.
func (r *Replica) Recover() (err error) {
	c := r.settings
	snapshots, err := snapshot.Open(c.FS, c.FS.PathJoin(c.Dir, "snapshots"), r.checkSnapshot)
	if err != nil {
		return err
	}
	log, err := raftlog.Open(c.FS.PathJoin(c.Dir, "log"), raftlog.Options{
		FS: c.FS, Logger: newLogger(c.Logger, "wal"), SegmentBytes: c.SegmentBytes, Full: c.Full,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	if _, err := compare(c.Machine.Applied(), log, snapshots); err != nil {
		return err
	}
	_, transport := raft.NewInmemTransport(raft.ServerAddress(c.NodeID))
	defer func() { err = errors.Join(err, transport.Close()) }()
	only := raft.Configuration{Servers: []raft.Server{{ID: raft.ServerID(c.NodeID), Address: raft.ServerAddress(c.NodeID)}}}
	if err := raft.RecoverCluster(r.config(c), fsm{c.Machine, log}, log, log, snapshots, transport, only); err != nil {
		return errors.Join(fmt.Errorf("make this node the only voter: %w", err), r.lastDamage())
	}
	return nil
}
