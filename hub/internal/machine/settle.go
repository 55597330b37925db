package machine

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// settle puts into the store what it does not have of what has been applied. It is called on the goroutine of whoever is
// about to read.
func (m *Machine) settle() error {
	err, failed := m.settled()
	if failed {
		m.fail(err)
	}
	return err
}

// settled returns what a reader is told, and whether it is why the machine has to stop.
func (m *Machine) settled() (err error, failed bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.torn:
		return ErrFailed, false
	case m.applied.Load() == m.stored:
		return nil, false
	}
	err = m.put()
	return err, err != nil
}

// full reports whether a shard has enough to write. It requires mu.
func (m *Machine) full() bool {
	for _, s := range m.shards {
		if s.Full() {
			return true
		}
	}
	return false
}

// put commits all that has been applied as one batch, with the index of the last entry. It requires mu.
func (m *Machine) put() error {
	b := m.batch
	m.batch = nil
	size := 0
	for _, s := range m.shards {
		size += s.Pending()
	}
	controlled := b != nil
	if b == nil {
		b = m.store.NewBatchOf(size)
	}
	m.torn = true // until all is well
	for id, s := range m.shards {
		if err := s.Finish(b); err != nil {
			return errors.Join(fmt.Errorf("shard %d: %w", id, err), b.Discard())
		}
	}
	last := m.applied.Load()
	if err := b.Put(appliedKey(), binary.BigEndian.AppendUint64(nil, last)); err != nil {
		return errors.Join(err, b.Discard())
	}
	if err := m.store.Commit(b); err != nil {
		return err
	}
	m.torn, m.stored = false, last
	if controlled {
		m.control.Commit()
	}
	return nil
}

func (m *Machine) dropBatch() error {
	b := m.batch
	m.batch = nil
	if b == nil {
		return nil
	}
	return b.Discard()
}

// discard forgets what the store does not have, before the store becomes another one.
func (m *Machine) discard() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.shards {
		s.Discard()
	}
	m.stored, m.torn = m.applied.Load(), false
}
