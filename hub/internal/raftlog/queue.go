package raftlog

import (
	"slices"
	"sync"

	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"
)

// Bounds of what a leader's log takes before it is durable. Who brings more waits, as each would without a queue.
const (
	// queueEntries is as many as raft hands over at once.
	queueEntries = 64
	// queueBytes of their data are four of the largest entries, which is what a shard's publications have on the way.
	queueBytes = 1 << 20
)

// A queue has the entries that the log has taken and that are not durable yet, in a row. It is safe for concurrent use.
type queue struct {
	mu sync.Mutex
	// filled tells the writer that there is something to write, or will be nothing any more; settled tells all who wait
	// that entries are durable, or never will be.
	filled, settled sync.Cond
	entries         []*raft.Log // guarded by mu
	bytes           int         // of their data; guarded by mu
	// failed is why nothing is written any more, nil while it is; lost is the first entry that had been taken then, 0 for
	// none. Guarded by mu.
	failed error
	lost   uint64
	closed bool // guarded by mu
}

func (q *queue) init() { q.filled.L, q.settled.L = &q.mu, &q.mu }

// put takes entries for the writer, when there is room. One batch finds room in an empty queue, whatever its size.
func (q *queue) put(entries []*raft.Log) error {
	bytes := 0
	for _, entry := range entries {
		bytes += len(entry.Data)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.usable() == nil && len(q.entries) > 0 &&
		(len(q.entries)+len(entries) > queueEntries || q.bytes+bytes > queueBytes) {
		q.settled.Wait()
	}
	if err := q.usable(); err != nil {
		return err
	}
	q.entries = append(q.entries, entries...)
	q.bytes += bytes
	q.filled.Signal()
	return nil
}

// push takes entries that the caller is about to write.
func (q *queue) push(entries []*raft.Log) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if err := q.usable(); err != nil {
		return err
	}
	for _, entry := range entries {
		q.entries = append(q.entries, entry)
		q.bytes += len(entry.Data)
	}
	return nil
}

// usable requires mu.
func (q *queue) usable() error {
	if q.failed == nil && q.closed {
		return wal.ErrClosed
	}
	return q.failed
}

// next waits until there is something to write. It returns false when there will be nothing any more.
func (q *queue) next() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.entries) == 0 && q.usable() == nil {
		q.filled.Wait()
	}
	return len(q.entries) > 0
}

// all returns what is to be written, valid until it is settled.
func (q *queue) all() []*raft.Log {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.entries[:len(q.entries):len(q.entries)]
}

// settle says that the first n entries are durable.
func (q *queue) settle(n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.failed != nil {
		return // too late, nobody is to count on them
	}
	for _, entry := range q.entries[:n] {
		q.bytes -= len(entry.Data)
	}
	q.entries = slices.Delete(q.entries, 0, n)
	q.settled.Broadcast()
}

// fail says that nothing is written any more. What waits is lost.
func (q *queue) fail(why error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.failed != nil {
		return
	}
	q.failed = why
	if len(q.entries) > 0 {
		q.lost = q.entries[0].Index
	}
	q.entries, q.bytes = nil, 0
	q.filled.Broadcast()
	q.settled.Broadcast()
}

// close has next return false when all is written.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.filled.Broadcast()
	q.settled.Broadcast()
}

// get reports whether an entry is in the queue, and returns it.
func (q *queue) get(index uint64, into *raft.Log) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.has(index) {
		return false
	}
	at := index - q.entries[0].Index
	if at >= uint64(len(q.entries)) {
		return false
	}
	*into = *q.entries[at]
	return true
}

// has reports whether an entry, if there is one, is not durable yet. It requires mu.
func (q *queue) has(index uint64) bool { return len(q.entries) > 0 && q.entries[0].Index <= index }

// await waits until an entry that had been taken is durable. The error is why it never will be.
func (q *queue) await(index uint64) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.has(index) {
		q.settled.Wait()
	}
	if q.lost != 0 && q.lost <= index {
		return q.failed
	}
	return nil
}

// durable returns the last entry up to index that is durable, as are all before it.
func (q *queue) durable(index uint64) uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.lost != 0 && q.lost <= index:
		return q.lost - 1
	case q.has(index):
		return q.entries[0].Index - 1
	}
	return index
}

// ends returns the indices of the first entry and the last, 0 for none.
func (q *queue) ends() (first, last uint64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.entries) == 0 {
		return 0, 0
	}
	return q.entries[0].Index, q.entries[len(q.entries)-1].Index
}
