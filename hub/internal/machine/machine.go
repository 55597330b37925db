// Package machine is the replicated state machine of a Raft group: it applies the entries of the log to the control state
// and the shards, a batch of entries as one batch of rows.
package machine

import (
	"errors"
	"fmt"
	"sync"
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

// A Machine applies the log. What entries change is in its memory at first, and put into the store when there is enough of
// it, or before anybody reads the store: the log has it all the while. The methods that raft calls belong to its goroutine;
// the others are safe for concurrent use.
type Machine struct {
	store   *store.Store
	control *control.Control // nil where the group has none
	shards  map[placement.Shard]*shard.Shard

	// mu is held while entries are applied, and while what they have changed is put into the store. Never while somebody is
	// told of it.
	mu     sync.Mutex
	reader entry.Reader // guarded by mu
	// batch has what control commands of the entries at hand have changed, nil for nothing. Guarded by mu.
	batch *store.Batch
	// stored is the index of the last entry that is in the store. Guarded by mu.
	stored uint64
	// torn is true once an entry has been applied in part, or was lost on its way to the store: what is in memory is no
	// state. Guarded by mu.
	torn bool

	// applied is the index of the last entry whose effect can be read.
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
	// Bounds are those of each shard.
	Bounds shard.Bounds
	// Followed reports whether somebody is to be told of a channel's events: of others, outcomes have none. It is called
	// before the events can be read. Nil: all are.
	Followed func(shard.ChannelID) bool
	// OnApplied is told of each entry, in order, once it can be read. It must not block.
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
		if m.shards[id], err = shard.Open(c.Store, id, c.Bounds, c.Followed); err != nil {
			return nil, fmt.Errorf("read shard %d: %w", id, err)
		}
	}
	if err := m.readApplied(); err != nil {
		return nil, err
	}
	c.Store.Behind(m.settle)
	return m, nil
}

// Reader returns a Reader of one of its shards.
func (m *Machine) Reader(id placement.Shard) shard.Reader { return m.shards[id].Reader }

// Control returns the control state, nil where the group has none.
func (m *Machine) Control() *control.Control { return m.control }

// Applied returns the index of the last entry whose effect can be read.
func (m *Machine) Applied() uint64 { return m.applied.Load() }

// Logged returns the bytes of the entries applied since the last checkpoint.
func (m *Machine) Logged() uint64 { return m.logged.Load() }

// Apply applies entries that are committed in the log, and returns the answers. Entries that have been applied already are
// passed over: after a crash the log is read from before where the store ends.
func (m *Machine) Apply(logs []*raft.Log) []any {
	answers := make([]any, len(logs))
	if m.failed.Load() == nil {
		done, err := m.apply(logs, answers)
		for _, a := range done {
			m.onApplied(a)
		}
		m.fail(err)
	}
	if m.failed.Load() != nil {
		for i := range answers {
			answers[i] = ErrFailed
		}
	}
	return answers
}

// fail stops the machine if there is an error.
func (m *Machine) fail(err error) {
	if err != nil && m.failed.CompareAndSwap(nil, &err) {
		m.onFailed(err)
	}
}

// apply returns what has been applied, also with an error.
func (m *Machine) apply(logs []*raft.Log, answers []any) (done []Applied, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	done = make([]Applied, 0, len(logs))
	last := m.applied.Load()
	for i, l := range logs {
		if l.Index <= last {
			continue
		}
		if l.Type == raft.LogCommand {
			applied, failed := m.applyEntry(l)
			if failed != nil {
				err = fmt.Errorf("apply entry %d: %w", l.Index, failed)
				break
			}
			answers[i] = applied.Answer
			done = append(done, applied)
			m.logged.Add(uint64(len(l.Data)))
		}
		last = l.Index
	}
	if m.torn {
		return nil, errors.Join(err, m.dropBatch())
	}
	m.applied.Store(last)
	if m.batch != nil || m.full() {
		if failed := m.put(); failed != nil {
			return nil, errors.Join(err, failed)
		}
	}
	return done, err
}

func (m *Machine) applyEntry(l *raft.Log) (Applied, error) {
	e, err := m.reader.Read(l.Data)
	if err != nil {
		return Applied{}, err
	}
	a := Applied{Index: l.Index, Proposal: e.Proposal, Shard: placement.Shard(e.Shard)}
	return a, m.dispatch(e, &a)
}

// dispatch hands a command to who keeps the state that it changes. It keeps nothing itself. It requires mu.
func (m *Machine) dispatch(e entry.Entry, a *Applied) (err error) {
	if c, ok := e.Other.GetCommand().(*logpb.Entry_Control); ok && m.control != nil {
		if m.batch == nil {
			m.batch = m.store.NewBatch()
		}
		a.Answer, err = m.control.Apply(m.batch, a.Index, e.TimeMs, c.Control)
		m.torn = err != nil
		return err
	}
	s := m.shards[a.Shard]
	if s == nil {
		return fmt.Errorf("there is no shard %d here", a.Shard)
	}
	if e.Append != nil {
		a.Outcomes, err = s.Append(e.TimeMs, e.Append, make([]shard.Outcome, 0, len(e.Append.Publications)))
		m.torn = err != nil
		return err
	}
	switch c := e.Other.GetCommand().(type) {
	case *logpb.Entry_Trim:
		err = s.Trim(e.TimeMs, c.Trim)
		m.torn = err != nil
		return err
	case *logpb.Entry_DropTenant:
		s.DropTenant(c.DropTenant)
		return nil
	case *logpb.Entry_InitShard:
		s.Init(c.InitShard)
		return nil
	}
	return errors.New("the log has a command that this version does not know: it was written by a newer one")
}

func appliedKey() []byte { return []byte{store.OfReplica, 'a'} }

func (m *Machine) readApplied() error {
	var index uint64
	err := m.store.Peek(func(r store.Reader) (err error) {
		index, err = AppliedIn(r)
		return err
	})
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stored = index
	m.applied.Store(index)
	return err
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
	m.discard()
	if err := m.store.Replace(fill); err != nil {
		return err
	}
	return m.reload()
}

// Anew begins with nothing, as if it had never failed, once move has moved the state's folder away. Nothing may be applied
// meanwhile.
func (m *Machine) Anew(move func() error) error {
	m.discard()
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
	return m.readApplied()
}
