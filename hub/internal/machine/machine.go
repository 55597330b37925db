// Package machine is the replicated state machine of a Raft group: it applies the entries of the log to the control state
// and the shards, a batch of entries as one batch of rows.
package machine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"weir/hub/internal/control"
	"weir/hub/internal/entry"
	"weir/hub/internal/placement"
	"weir/hub/internal/shard"
	"weir/hub/internal/store"
	"weir/proto/logpb"
)

// A Machine applies the log. The methods that raft calls belong to its goroutine; the others are safe for concurrent use.
type Machine struct {
	store   *store.Store
	control *control.Control // nil where the group has none
	shards  map[placement.Shard]*shard.Shard
	// applied is the index of the last entry that is in the store.
	applied atomic.Uint64
	// logged counts the bytes of the entries applied since the last checkpoint.
	logged    atomic.Uint64
	onApplied func(Applied)
	onFailed  func(error)
	// failed is why the machine has stopped, nil while it has not.
	failed atomic.Pointer[error]
}

// Config says what a Machine is made of.
type Config struct {
	Store *store.Store
	// Control is whether the group has the control state, and Shards are the shards that it has.
	Control bool
	Shards  []placement.Shard
	// OnApplied is told of each entry, in order, once it is committed and can be read. It must not block.
	OnApplied func(Applied)
	// OnFailed is told once if the machine can't go on: the store failed or is corrupt, or the log has what this version
	// does not know. Nothing is applied from then on.
	OnFailed func(error)
}

// An Applied is an entry that has been applied.
type Applied struct {
	Index    uint64
	Proposal uint64
	Shard    placement.Shard
	// Outcomes are those of an Append. They are valid until OnApplied returns.
	Outcomes []shard.Outcome
	// Answer is that of a control command, maybe a *fault.Fault.
	Answer any
}

// ErrFailed is what proposers are told once the machine has stopped.
var ErrFailed = errors.New("the state machine has stopped")

// New reads the state from the store.
func New(c Config) (*Machine, error) {
	m := &Machine{
		store: c.Store, shards: map[placement.Shard]*shard.Shard{}, onApplied: c.OnApplied, onFailed: c.OnFailed,
	}
	var err error
	if c.Control {
		if m.control, err = control.Open(c.Store); err != nil {
			return nil, err
		}
	}
	for _, id := range c.Shards {
		if m.shards[id], err = shard.Open(c.Store, id); err != nil {
			return nil, fmt.Errorf("read shard %d: %w", id, err)
		}
	}
	return m, m.readApplied()
}

// Control returns the control state, nil where the group has none.
func (m *Machine) Control() *control.Control { return m.control }

// Applied returns the index of the last entry that is in the store.
func (m *Machine) Applied() uint64 { return m.applied.Load() }

// Logged returns the bytes of the entries applied since the last checkpoint.
func (m *Machine) Logged() uint64 { return m.logged.Load() }

// Apply applies entries that are committed in the log, as one batch, and returns the answers. Entries that are in the
// store already are passed over: after a crash the log is read from before where the store ends.
func (m *Machine) Apply(logs []*raft.Log) []any {
	answers := make([]any, len(logs))
	if m.failed.Load() == nil {
		if err := m.apply(logs, answers); err != nil {
			m.failed.Store(&err)
			m.onFailed(err)
		}
	}
	if m.failed.Load() != nil {
		for i := range answers {
			answers[i] = ErrFailed
		}
	}
	return answers
}

func (m *Machine) apply(logs []*raft.Log, answers []any) error {
	b := m.store.NewBatch()
	done := make([]Applied, 0, len(logs))
	last := m.applied.Load()
	for i, l := range logs {
		if l.Index <= last {
			continue
		}
		last = l.Index
		if l.Type != raft.LogCommand {
			continue
		}
		applied, err := m.applyEntry(b, l)
		if err != nil {
			return errors.Join(fmt.Errorf("apply entry %d: %w", l.Index, err), b.Discard())
		}
		answers[i] = applied.Answer
		done = append(done, applied)
		m.logged.Add(uint64(len(l.Data)))
	}
	if last == m.applied.Load() {
		return b.Discard()
	}
	if err := m.commit(b, last); err != nil {
		return err
	}
	for _, a := range done {
		m.onApplied(a)
	}
	return nil
}

func (m *Machine) applyEntry(b *store.Batch, l *raft.Log) (Applied, error) {
	e, err := entry.Decode(l.Data)
	if err != nil {
		return Applied{}, err
	}
	a := Applied{Index: l.Index, Proposal: e.GetProposal(), Shard: placement.Shard(e.GetShard())}
	return a, m.dispatch(b, e, &a)
}

// dispatch hands a command to who keeps the state that it changes. It keeps nothing itself.
func (m *Machine) dispatch(b *store.Batch, e *logpb.Entry, a *Applied) (err error) {
	if c, ok := e.GetCommand().(*logpb.Entry_Control); ok && m.control != nil {
		a.Answer, err = m.control.Apply(b, a.Index, e.GetTimeMs(), c.Control)
		return err
	}
	s := m.shards[a.Shard]
	if s == nil {
		return fmt.Errorf("there is no shard %d here", a.Shard)
	}
	switch c := e.GetCommand().(type) {
	case *logpb.Entry_Append:
		out := make([]shard.Outcome, 0, len(c.Append.GetSubmissions()))
		a.Outcomes, err = s.Append(b, e.GetTimeMs(), c.Append, out)
		return err
	case *logpb.Entry_Trim:
		return s.Trim(b, e.GetTimeMs(), c.Trim)
	case *logpb.Entry_DropTenant:
		return s.DropTenant(b, c.DropTenant)
	case *logpb.Entry_InitShard:
		return s.Init(b, c.InitShard)
	}
	return errors.New("the log has a command that this version does not know: it was written by a newer one")
}

func (m *Machine) commit(b *store.Batch, last uint64) error {
	for id, s := range m.shards {
		if err := s.Finish(b); err != nil {
			return errors.Join(fmt.Errorf("shard %d: %w", id, err), b.Discard())
		}
	}
	if err := b.Put(appliedKey(), binary.BigEndian.AppendUint64(nil, last)); err != nil {
		return errors.Join(err, b.Discard())
	}
	if err := m.store.Commit(b); err != nil {
		return err
	}
	m.applied.Store(last)
	if m.control != nil {
		m.control.Commit()
	}
	return nil
}

func appliedKey() []byte { return []byte{store.OfReplica, 'a'} }

func (m *Machine) readApplied() error {
	return m.store.View(func(r store.Reader) error {
		_, err := r.Get(appliedKey(), func(body []byte) error {
			if len(body) != 8 {
				return &store.CorruptError{Key: appliedKey(), Reason: "it is no index"}
			}
			m.applied.Store(binary.BigEndian.Uint64(body))
			return nil
		})
		return err
	})
}

// Checkpoint makes dir a copy of the state that has at least all entries that were applied before. Entries go on being
// applied meanwhile: those that are in the copy too are passed over when the log is read from before them.
func (m *Machine) Checkpoint(dir string) error {
	// Raft counts entries as applied that a stopped machine has not: a snapshot would lose them.
	if m.failed.Load() != nil {
		return ErrFailed
	}
	logged := m.logged.Load()
	if err := m.store.Checkpoint(dir); err != nil {
		return err
	}
	m.logged.Add(-logged)
	return nil
}

// Replace takes over a checkpoint that fill writes into the folder that it is given.
func (m *Machine) Replace(fill func(fs vfs.FS, dir string) error) error {
	if err := m.store.Replace(fill); err != nil {
		return err
	}
	return m.reload()
}

// Anew begins with nothing, as if it had never failed, once move has moved the state's folder away. Nothing may be applied
// meanwhile.
func (m *Machine) Anew(move func() error) error {
	if err := m.store.Anew(move); err != nil {
		return err
	}
	if err := m.reload(); err != nil {
		return err
	}
	m.logged.Store(0)
	m.failed.Store(nil)
	return nil
}

func (m *Machine) reload() error {
	for id, s := range m.shards {
		if err := s.Reload(); err != nil {
			return fmt.Errorf("read shard %d: %w", id, err)
		}
	}
	if m.control != nil {
		if err := m.control.Reload(); err != nil {
			return err
		}
	}
	m.applied.Store(0)
	return m.readApplied()
}
