package store

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// A Memory keeps rows in memory as a folder keeps them on disk, for tests that need thousands of stores or must decide
// what a crash leaves. A Store that is opened with it finds what the one before has left. It does not make checkpoints. The
// zero value is empty. It is safe for concurrent use.
type Memory struct {
	mu      sync.Mutex
	current []memoryRow // in the order of their keys; guarded by mu
	// readers is how many cursors and snapshots use current, which must not be changed then. Guarded by mu.
	readers int
	// flushed is what a crash leaves at least, since are the batches that have been committed on top. Guarded by mu.
	flushed []memoryRow
	since   [][]memoryChange
}

// A memoryRow is never changed.
type memoryRow struct{ key, value []byte }

// A memoryChange sets a row, or deletes the rows from its key on and before end.
type memoryChange struct {
	memoryRow
	end []byte // nil: it sets
}

var errNoCheckpoint = errors.New("a store in memory makes no checkpoints")

// Unflushed returns how many batches a crash may lose.
func (m *Memory) Unflushed() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.since)
}

// Crash loses what was committed since the last flush, but for the first kept batches. The store that was open must not be
// used again.
func (m *Memory) Crash(kept int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.since = m.since[:kept]
	m.current = slices.Clone(m.flushed)
	for _, batch := range m.since {
		m.apply(batch)
	}
}

// Flush makes sure that a crash leaves what has been committed.
func (m *Memory) Flush() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.flushed, m.since = slices.Clone(m.current), nil
	return nil
}

// Close leaves everything as it is, for the next store.
func (m *Memory) Close() error { return nil }

func (m *Memory) checkpoint(string) error { return errNoCheckpoint }

func (m *Memory) size() uint64 { return 0 }

// Get returns the latest row.
func (m *Memory) Get(key []byte) ([]byte, io.Closer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return find(m.current, key)
}

func find(rows []memoryRow, key []byte) ([]byte, io.Closer, error) {
	i, found := search(rows, key)
	if !found {
		return nil, nil, pebble.ErrNotFound
	}
	return rows[i].value, io.NopCloser(nil), nil
}

func search(rows []memoryRow, key []byte) (int, bool) {
	return slices.BinarySearchFunc(rows, key, func(r memoryRow, key []byte) int { return bytes.Compare(r.key, key) })
}

// use returns the rows as they are, which stay so until done is called.
func (m *Memory) use() []memoryRow {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.readers++
	return m.current
}

func (m *Memory) done() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.readers--
}

func (m *Memory) snapshot() snapshot { return &memorySnapshot{m, m.use()} }

func (m *Memory) scan(start, end []byte) (cursor, error) {
	s := memorySnapshot{m, m.use()}
	return s.walk(start, end, m.done), nil
}

// commit applies a batch as a whole.
func (m *Memory) commit(batch []memoryChange) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.readers > 0 {
		m.current = slices.Clone(m.current)
	}
	m.apply(batch)
	m.since = append(m.since, batch)
}

// apply requires mu.
func (m *Memory) apply(batch []memoryChange) {
	for _, c := range batch {
		i, found := search(m.current, c.key)
		switch {
		case c.end != nil:
			to, _ := search(m.current, c.end)
			m.current = slices.Delete(m.current, i, max(i, to))
		case found:
			m.current[i] = c.memoryRow
		default:
			m.current = slices.Insert(m.current, i, c.memoryRow)
		}
	}
}

type memorySnapshot struct {
	of   *Memory
	rows []memoryRow
}

// Get returns the row as it was then.
func (s *memorySnapshot) Get(key []byte) ([]byte, io.Closer, error) { return find(s.rows, key) }

// Close ends the snapshot.
func (s *memorySnapshot) Close() error {
	s.of.done()
	return nil
}

func (s *memorySnapshot) scan(start, end []byte) (cursor, error) {
	return s.walk(start, end, func() {}), nil
}

func (s *memorySnapshot) walk(start, end []byte, done func()) *memoryCursor {
	from, _ := search(s.rows, start)
	to := len(s.rows)
	if end != nil {
		to, _ = search(s.rows, end)
	}
	return &memoryCursor{rows: s.rows[from:max(from, to)], done: done}
}

type memoryCursor struct {
	rows []memoryRow
	at   int
	done func()
}

// First goes to the first row, if there is one.
func (c *memoryCursor) First() bool { return c.at < len(c.rows) }

// Next goes to the next row, if there is one.
func (c *memoryCursor) Next() bool {
	c.at++
	return c.at < len(c.rows)
}

// Key returns the row's key.
func (c *memoryCursor) Key() []byte { return c.rows[c.at].key }

// ValueAndErr returns the row's value.
func (c *memoryCursor) ValueAndErr() ([]byte, error) { return c.rows[c.at].value, nil }

// Close ends the walk.
func (c *memoryCursor) Close() error {
	c.done()
	return nil
}

// A memoryBatch collects changes to a Memory.
type memoryBatch struct {
	to      *Memory
	changes []memoryChange
}

func (m *Memory) newBatch(int) writer { return &memoryBatch{to: m} }

// Set stores a row.
func (b *memoryBatch) Set(key, value []byte, _ *pebble.WriteOptions) error {
	b.changes = append(b.changes, memoryChange{memoryRow: memoryRow{bytes.Clone(key), bytes.Clone(value)}})
	return nil
}

// Delete removes a row: the range that ends before the key that comes next.
func (b *memoryBatch) Delete(key []byte, _ *pebble.WriteOptions) error {
	return b.DeleteRange(key, append(bytes.Clone(key), 0), nil)
}

// DeleteRange removes the rows from start on and before end.
func (b *memoryBatch) DeleteRange(start, end []byte, _ *pebble.WriteOptions) error {
	b.changes = append(b.changes, memoryChange{memoryRow: memoryRow{key: bytes.Clone(start)}, end: bytes.Clone(end)})
	return nil
}

// Empty reports whether the batch changes nothing.
func (b *memoryBatch) Empty() bool { return len(b.changes) == 0 }

// Commit applies the batch.
func (b *memoryBatch) Commit(*pebble.WriteOptions) error {
	b.to.commit(b.changes)
	return nil
}

// Close ends the batch.
func (b *memoryBatch) Close() error { return nil }
