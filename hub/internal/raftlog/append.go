package raftlog

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"
)

// StoreLog appends an entry, durably.
func (l *Log) StoreLog(entry *raft.Log) error { return l.StoreLogs([]*raft.Log{entry}) }

// StoreLogs appends entries: durably, unless they are a leader's commands (Early).
func (l *Log) StoreLogs(entries []*raft.Log) error {
	if err := l.Usable(); err != nil {
		return err
	}
	if len(entries) == 0 {
		return nil
	}
	if l.early(entries) {
		return l.queue.put(entries)
	}
	l.writing <- struct{}{}
	defer func() { <-l.writing }()
	if err := l.queue.push(entries); err != nil {
		return err
	}
	return l.flush()
}

// flush makes durable what is in the queue, with one fsync. It requires writing.
func (l *Log) flush() error {
	if err := l.Usable(); err != nil {
		return err
	}
	entries := l.queue.all()
	if len(entries) == 0 {
		return nil
	}
	err := l.wal.StoreLogs(l.sealer.seal(entries))
	if err == nil {
		err = l.mark.set(entries[len(entries)-1].Index)
	}
	if err != nil {
		l.breakDown(l.appendFailed(err))
		return l.Usable()
	}
	l.recent.add(entries)
	l.queue.settle(len(entries))
	return l.Usable()
}

// appendFailed tells what a failed append means: a segment that is full but not followed by another could not be, for
// want of room.
func (l *Log) appendFailed(err error) error {
	if errors.Is(err, wal.ErrSealed) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return fmt.Errorf("%w: %w", ErrNoRoom, err)
	}
	return fmt.Errorf("%w: %w", ErrDisk, err)
}

// DeleteRange removes entries from the log's beginning or its end.
func (l *Log) DeleteRange(first, last uint64) error {
	l.writing <- struct{}{}
	defer func() { <-l.writing }()
	if err := l.flush(); err != nil { // so that the end is that of the disk
		return err
	}
	end, err := l.wal.LastIndex()
	if err != nil {
		return err
	}
	if last >= end {
		return l.cut(first, last)
	}
	if l.options.Keep != nil {
		if keep := l.options.Keep(); keep != 0 && keep <= last {
			last = keep - 1
		}
	}
	if last < first || last == 0 {
		return nil
	}
	l.recent.forget()
	return l.removed(l.wal.DeleteRange(first, last))
}

// cut removes the log's end, or all of it. It requires writing.
func (l *Log) cut(first, last uint64) error {
	begin, err := l.wal.FirstIndex()
	if err != nil {
		return err
	}
	left := first - 1
	if first <= begin {
		left = 0
	}
	if err := l.mark.set(min(left, l.mark.index)); err != nil {
		l.diskFailed(err)
		return l.Usable()
	}
	l.recent.forget()
	return l.removed(l.wal.DeleteRange(first, last))
}

// removed tells what a failed removal means.
func (l *Log) removed(err error) error {
	if err == nil || errors.Is(err, wal.ErrClosed) {
		return err
	}
	l.breakDown(l.appendFailed(err))
	return l.Usable()
}
