package raftlog

import (
	"sync"

	"github.com/hashicorp/raft"
)

// Bounds of the entries of a log that are kept in memory, after they have been made durable: what a follower that keeps up is
// sent, and what is applied next. Whoever is further behind reads the disk.
const (
	recentEntries = 256
	recentBytes   = 4 << 20
)

// recent are the latest entries of a log, in a row. raft reads each entry again soon after it has stored it: a leader twice for
// each follower, to send it and to say what comes before the next one, a follower to apply it. Entries are shared with raft,
// which does not change them.
type recent struct {
	mu      sync.RWMutex
	entries []raft.Log // guarded by mu
	bytes   int        // of their data; guarded by mu
}

// add appends entries that are durable. What is kept of others than those before them is forgotten.
func (r *recent) add(entries []*raft.Log) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, entry := range entries {
		if n := len(r.entries); n > 0 && r.entries[n-1].Index+1 != entry.Index {
			r.entries, r.bytes = nil, 0
		}
		r.entries = append(r.entries, *entry)
		r.bytes += len(entry.Data)
	}
	for len(r.entries) > recentEntries || r.bytes > recentBytes {
		r.bytes -= len(r.entries[0].Data)
		r.entries[0] = raft.Log{} // the array lives on
		r.entries = r.entries[1:]
	}
}

// get reports whether an entry is kept, and returns it.
func (r *recent) get(index uint64, into *raft.Log) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if len(r.entries) == 0 || index < r.entries[0].Index {
		return false
	}
	at := index - r.entries[0].Index
	if at >= uint64(len(r.entries)) {
		return false
	}
	*into = r.entries[at]
	return true
}

// forget drops everything.
func (r *recent) forget() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entries, r.bytes = nil, 0
}
