package replica

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cockroachdb/errors/oserror"
	"github.com/hashicorp/raft"

	"weir/hub/internal/raftlog"
	"weir/hub/internal/snapshot"
)

// observations is how many changes may wait for being looked at. What is lost beyond makes no difference: they are only
// a reason to look.
const observations = 16

// A life is one of the times that a node takes part in its group: it ends when the log can't be used, and another may begin.
type life struct {
	raft      *raft.Raft
	log       *raftlog.Log
	snapshots *snapshot.Store
	transport closingTransport
	// idle is true for one without the machine.
	idle bool

	// observed gets leaders and peers as they change.
	observer *raft.Observer
	observed chan raft.Observation
	watching sync.WaitGroup
}

// Begin takes part in the group, with what is on disk. The replica must be parked.
func (r *Replica) Begin() error { return r.live(false) }

func (r *Replica) live(idle bool) error {
	l, err := r.begin(r.settings, idle)
	if err != nil {
		return err
	}
	l.watch(r.changed)
	r.settings.Kept = true
	r.life.Store(l)
	r.stir()
	return nil
}

func (r *Replica) begin(c Config, idle bool) (_ *life, err error) {
	dir := c.FS.PathJoin(c.Dir, "log")
	if _, err := c.FS.Stat(dir); c.Kept && oserror.IsNotExist(err) {
		return nil, fmt.Errorf("%s: %w", dir, ErrLogGone)
	}
	snapshots, err := snapshot.Open(c.FS, c.FS.PathJoin(c.Dir, "snapshots"), r.checkSnapshot)
	if err != nil {
		return nil, err
	}
	l := &life{idle: idle, snapshots: snapshots}
	l.log, err = raftlog.Open(dir, raftlog.Options{
		FS: c.FS, Logger: newLogger(c.Logger, "wal"), SegmentBytes: c.SegmentBytes, Full: c.Full, Broken: r.breakDown,
		Keep: func() uint64 { return r.feeding.keep(dir) },
	})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.log.Close())
		}
	}()
	behind, machine := false, raft.FSM(idler{})
	if !idle {
		if behind, err = compare(c.Machine.Applied(), l.log, snapshots); err != nil {
			return nil, err
		}
		machine = fsm{c.Machine, l.log}
	}
	l.transport = r.newTransport(l.log)
	config := r.config(c)
	if idle {
		config.HeartbeatTimeout *= idlePatience
		config.ElectionTimeout *= idlePatience
	}
	config.NoSnapshotRestoreOnStart = !behind
	if err := bootstrap(config, c.Found, l.log, snapshots, l.transport); err != nil {
		return nil, errors.Join(err, l.transport.Close())
	}
	if l.raft, err = newRaft(config, machine, l.log, snapshots, l.transport); err != nil {
		return nil, errors.Join(err, l.transport.Close(), r.lastDamage())
	}
	if c.Streams != nil && !idle { // alone, there is no replication to write beside
		l.log.Early(func() bool { return l.raft.State() == raft.Leader })
	}
	return l, nil
}

// checkSnapshot looks for damage in a snapshot. What is found is reported, since raft only tries again.
func (r *Replica) checkSnapshot(dir string) error {
	if r.settings.Check == nil {
		return nil
	}
	if err := r.settings.Check(dir); err != nil {
		err = fmt.Errorf("the snapshot: %w", err)
		r.breakDown(err)
		return err
	}
	return nil
}

// lastDamage returns what has been found wrong with what raft was to begin with: its own error does not say.
func (r *Replica) lastDamage() error {
	select {
	case why := <-r.broken:
		return why
	default:
		return nil
	}
}

// watch turns raft's observations into signals.
func (l *life) watch(changed chan<- struct{}) {
	l.observed = make(chan raft.Observation, observations)
	l.observer = raft.NewObserver(l.observed, false, func(o *raft.Observation) bool {
		switch o.Data.(type) {
		case raft.LeaderObservation, raft.PeerObservation, raft.RaftState:
			return true
		}
		return false
	})
	l.raft.RegisterObserver(l.observer)
	l.watching.Go(func() {
		for range l.observed {
			select {
			case changed <- struct{}{}:
			default:
			}
		}
	})
}

// breakDown tells why this node can't take part. What has been told and not been looked at stands.
func (r *Replica) breakDown(why error) {
	select {
	case r.broken <- why:
	default:
	}
}

// Broken is told why this node can't take part any longer: a raftlog.ErrCorrupt, raftlog.ErrNoRoom or raftlog.ErrDisk, what
// Config.Check has found wrong with a snapshot, or what BreakDown was given. The replica has then to be parked.
func (r *Replica) Broken() <-chan error { return r.broken }

// BreakDown says that what this node has of the group can't be trusted.
func (r *Replica) BreakDown(why error) { r.breakDown(why) }

func (r *Replica) stir() {
	select {
	case r.changed <- struct{}{}:
	default:
	}
}

// Parked reports whether the node takes no part.
func (r *Replica) Parked() bool { return r.life.Load() == nil }

// Empty reports whether the log has no entry.
func (r *Replica) Empty() bool { return r.Last() == 0 }

// Park ends this node's part in the group until Begin. What is proposed from now on is refused.
func (r *Replica) Park() error {
	l := r.life.Swap(nil)
	if l == nil {
		return nil
	}
	err := l.end()
	l.raft.DeregisterObserver(l.observer)
	close(l.observed)
	l.watching.Wait()
	r.stir()
	return errors.Join(err, l.transport.Close(), l.log.Close())
}

// Bounds of waiting for raft to answer proposals before it is stopped. What takes longer is a machine that stands still.
const (
	answerTimeout = time.Second
	answerEvery   = time.Millisecond
)

// end stops raft. Where the log is broken, or breaks meanwhile, the transport comes first: raft may wait for not being heard
// any more.
func (l *life) end() error {
	stopped := make(chan struct{})
	var cutting sync.WaitGroup
	cut := make(chan error, 1)
	cutting.Go(func() {
		select {
		case <-l.log.BrokenDown():
			cut <- l.transport.Close()
			l.log.End()
		case <-stopped:
			cut <- nil
		}
	})
	if l.log.Usable() != nil {
		// A leader whose log takes nothing steps down, and answers what is not committed.
		_ = l.raft.Barrier(answerTimeout).Error()
	}
	l.settle()
	err := l.raft.Shutdown().Error()
	close(stopped)
	cutting.Wait()
	return errors.Join(err, <-cut)
}

// settle waits until the machine has been handed what is committed: raft leaves unanswered what it has not been handed when
// raft is stopped.
func (l *life) settle() {
	for patience := time.Now().Add(answerTimeout); l.raft.Stats()["fsm_pending"] != "0" && time.Now().Before(patience); {
		time.Sleep(answerEvery)
	}
}

// Again is Park and Begin, as after a broken log may be used again. Kept news of a break are of the past then.
func (r *Replica) Again() error {
	if err := r.Park(); err != nil && r.settings.Logger != nil {
		r.settings.Logger.Debug("the replica was parked with errors", "error", err)
	}
	select {
	case <-r.broken:
	default:
	}
	return r.Begin()
}

// Anew is Begin with nothing: the group is to let this node in again. It must have removed it before.
func (r *Replica) Anew() error {
	select {
	case <-r.broken:
	default:
	}
	r.settings.Found, r.settings.Kept = nil, false
	return r.Begin()
}
