package raftlog

import "github.com/hashicorp/raft"

// Early has the log take a leader's commands before they are durable, so that they are replicated meanwhile (Ongaro, "Consensus:
// Bridging Theory and Practice", section 10.2.1), and whatever waits is written with one fsync. raft counts them as this
// node's own at once, which they are not: its commit index may be ahead of what a majority has. Whoever lets anything be
// seen of an entry asks Await before, or Durable, which make it true again: of what raft takes for committed, all that is
// durable here is on as many disks as raft has counted.
//
// leads reports whether raft's goroutine, which alone appends, is that of a leader. What else is appended, by followers or
// by leaders of themselves, is durable with all before it when StoreLogs returns. While this node lives its memory is as
// good as its disk where it is asked for votes.
func (l *Log) Early(leads func() bool) {
	l.writers.Go(func() {
		for l.queue.next() {
			l.writing <- struct{}{}
			err := l.flush()
			<-l.writing
			if err != nil {
				return // all who wait have been told
			}
		}
	})
	l.leads.Store(&leads)
}

func (l *Log) leading() bool {
	leads := l.leads.Load()
	return leads != nil && (*leads)()
}

// early reports whether entries need not be durable yet. A configuration counts from when it is in the log, and barriers and
// the entry that begins a term are answered without the machine: none of them may be.
func (l *Log) early(entries []*raft.Log) bool {
	for _, entry := range entries {
		if entry.Type != raft.LogCommand {
			return false
		}
	}
	return l.leading()
}

// Await waits until an entry, which raft has taken for committed, is durable here. The error is why it never will be.
func (l *Log) Await(index uint64) error { return l.queue.await(index) }

// Durable returns the last entry, up to one that raft has, that is durable here with all before it. The index must have been
// read before.
func (l *Log) Durable(index uint64) uint64 { return l.queue.durable(index) }
