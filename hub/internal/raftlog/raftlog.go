// Package raftlog is a Raft group's log on disk: raft-wal with sealed entries, over a file system that can be another one in
// tests. It notices what has rotted before it is used, and stops for good at the first failure of the disk.
package raftlog

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"
	"github.com/hashicorp/raft-wal/segment"
)

// Reasons why a log can't be used. Callers test them.
var (
	// ErrCorrupt says that the log is not what was written.
	ErrCorrupt = errors.New("the Raft log is corrupt")
	// ErrNoRoom says that the disk is full. Opened again once there is room, the log goes on.
	ErrNoRoom = errors.New("there is no room for the Raft log")
	// ErrDisk says that the disk has failed: what it has of the last writes is unknown.
	ErrDisk = errors.New("the Raft log's disk has failed")
)

// Options of a Log.
type Options struct {
	// FS is where the folder is.
	FS     vfs.FS
	Logger hclog.Logger
	// SegmentBytes is the size of the log's files, which are allocated whole.
	SegmentBytes int
	// Full is told when there is no room, and may make some. May be nil.
	Full func()
	// Broken is told once why the log can't be used any more: an ErrCorrupt, ErrNoRoom or ErrDisk. It must not block.
	Broken func(error)
	// Keep returns the first entry that must not be removed from the log's beginning, because another node is about to
	// need it; 0: there is none. May be nil.
	Keep func() uint64
}

// foldersAbove is how many of the folders above the log may be as new as it is: the group's, and that of all groups.
const foldersAbove = 2

// A Log is the log and the votes of a node in a Raft group. raft calls it from several goroutines, of which one appends.
type Log struct {
	options Options
	wal     *wal.WAL
	files   *files
	recent  recent
	queue   queue

	// writing has room for whoever writes to wal: a mutex, but one for which virtual time does not stand still.
	writing chan struct{}
	mark    *mark  // guarded by writing
	sealer  sealer // guarded by writing

	// leads reports whether raft's goroutine is that of a leader. nil: the log is not written beside replication.
	leads   atomic.Pointer[func() bool]
	writers sync.WaitGroup

	// broken is why nothing is written any more, nil while it is. once guards telling of it.
	broken atomic.Pointer[error]
	once   sync.Once
	// brokenDown is closed when broken is set, ended when raft's answers can't reach anybody any more.
	brokenDown chan struct{}
	ended      chan struct{}
	endOnce    sync.Once
}

var (
	_ raft.LogStore          = (*Log)(nil)
	_ raft.StableStore       = (*Log)(nil)
	_ raft.MonotonicLogStore = (*Log)(nil)
)

// Open opens the log in a folder, which it makes if it is missing, and looks at all of its entries. The error is an
// ErrCorrupt, ErrNoRoom or ErrDisk if it is about what is there.
func Open(dir string, o Options) (_ *Log, err error) {
	l := &Log{options: o, writing: make(chan struct{}, 1), brokenDown: make(chan struct{}), ended: make(chan struct{})}
	l.queue.init()
	if err := o.FS.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder for the log: %w", err)
	}
	// A log in a folder whose own name is lost would be lost with it.
	above := dir
	for range foldersAbove {
		above = o.FS.PathDir(above)
		if err := syncDir(o.FS, above); err != nil {
			return nil, fmt.Errorf("make the folder for the log: %w", err)
		}
	}
	if l.mark, err = openMark(o.FS, dir); err != nil {
		return nil, err
	}
	l.files = &files{fs: o.FS, full: o.Full, failed: l.diskFailed}
	kept := &meta{fs: o.FS, failed: l.diskFailed}
	if err = mendTail(o.FS, dir, kept, l.mark.index); err == nil {
		l.wal, err = openWAL(dir, l.files, kept, o)
	}
	if err != nil {
		return nil, errors.Join(classify(fmt.Errorf("open the log in %s: %w", dir, err)), l.mark.close(), l.files.closeAll(), kept.Close())
	}
	if err := l.verify(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", dir, err), l.Close())
	}
	return l, nil
}

// openWAL turns a panic over what can't be read into an error.
func openWAL(dir string, f *files, m *meta, o Options) (w *wal.WAL, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", ErrCorrupt, p)
		}
	}()
	return wal.Open(dir, wal.WithMetaStore(m), wal.WithSegmentFiler(segment.NewFiler(dir, f)),
		wal.WithLogger(o.Logger), wal.WithSegmentSize(o.SegmentBytes))
}

// classify tells what the failure to open or read a log means.
func classify(err error) error {
	switch {
	case err == nil, errors.Is(err, ErrCorrupt), errors.Is(err, ErrNoRoom), errors.Is(err, ErrDisk):
		return err
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fmt.Errorf("%w: %w", ErrNoRoom, err)
	case errors.Is(err, syscall.EIO):
		return fmt.Errorf("%w: %w", ErrDisk, err)
	case errors.Is(err, os.ErrPermission), errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, syscall.ENOMEM):
		return err
	}
	return fmt.Errorf("%w: %w", ErrCorrupt, err)
}

// verify looks at every entry, so that none that has rotted is ever applied, or sent to another node.
func (l *Log) verify() error {
	first, err := l.wal.FirstIndex()
	if err != nil {
		return classify(err)
	}
	last, err := l.wal.LastIndex()
	if err != nil {
		return classify(err)
	}
	if last < l.mark.index {
		return fmt.Errorf("%w: it ends at entry %d, but had been written up to %d", ErrCorrupt, last, l.mark.index)
	}
	for index := first; index <= last && last > 0; index++ {
		var entry raft.Log
		if err := l.read(index, &entry); err != nil {
			return err
		}
	}
	return l.mark.set(last)
}

func (l *Log) read(index uint64, into *raft.Log) error {
	switch err := l.wal.GetLog(index, into); {
	case errors.Is(err, wal.ErrNotFound):
		return raft.ErrLogNotFound
	case errors.Is(err, wal.ErrClosed):
		return err
	case err != nil:
		return fmt.Errorf("entry %d: %w", index, classify(err))
	case into.Index != index:
		return fmt.Errorf("%w: entry %d stands where %d must be", ErrCorrupt, into.Index, index)
	}
	return unseal(into)
}

// breakDown stops all writing, for a reason.
func (l *Log) breakDown(why error) {
	l.broken.CompareAndSwap(nil, &why)
	l.once.Do(func() {
		l.queue.fail(*l.broken.Load())
		close(l.brokenDown)
		if l.options.Broken != nil {
			l.options.Broken(why)
		}
	})
}

func (l *Log) diskFailed(err error) { l.breakDown(fmt.Errorf("%w: %w", ErrDisk, err)) }

// Usable returns why the log can't be used any more, nil while it can.
func (l *Log) Usable() error {
	if why := l.broken.Load(); why != nil {
		return *why
	}
	return nil
}

// BrokenDown is closed when the log can't be used any more.
func (l *Log) BrokenDown() <-chan struct{} { return l.brokenDown }

// End says that nothing that raft does can reach another node any more. It must be called before a broken log's raft is
// shut down: until then whoever met the damage waits, since raft ends the process over some errors.
func (l *Log) End() { l.endOnce.Do(func() { close(l.ended) }) }

// FirstIndex returns the index of the first entry, 0 for none.
func (l *Log) FirstIndex() (uint64, error) {
	queued, _ := l.queue.ends() // first: what leaves the queue meanwhile is on the disk
	first, err := l.wal.FirstIndex()
	if err == nil && first == 0 {
		first = queued
	}
	return first, err
}

// LastIndex returns the index of the last entry, 0 for none.
func (l *Log) LastIndex() (uint64, error) {
	_, queued := l.queue.ends() // first: what leaves the queue meanwhile is on the disk
	last, err := l.wal.LastIndex()
	return max(queued, last), err
}

// GetLog reads an entry. It never returns one that is not what was written, except to a raft that has been cut off. What is
// not durable yet is for the leader alone, which sends it: a follower that found it here would acknowledge it.
func (l *Log) GetLog(index uint64, into *raft.Log) error {
	if l.recent.get(index, into) {
		return nil
	}
	if l.queue.get(index, into) && l.leading() {
		return nil
	}
	if l.queue.await(index) != nil {
		return l.cutOff(index, into)
	}
	return l.ReadLog(index, into)
}

// ReadLog is GetLog from the disk, also of what is still in memory: for whoever looks for rot. What is not durable yet is not
// found.
func (l *Log) ReadLog(index uint64, into *raft.Log) error {
	err := l.read(index, into)
	if err == nil || errors.Is(err, raft.ErrLogNotFound) || errors.Is(err, wal.ErrClosed) {
		return err
	}
	l.breakDown(err)
	return l.cutOff(index, into)
}

// cutOff waits until raft is cut off, which would end the process over a missing entry, and has it go on with another one.
func (l *Log) cutOff(index uint64, into *raft.Log) error {
	<-l.ended
	*into = raft.Log{Index: index, Type: raft.LogNoop}
	return nil
}

// Set keeps a value, durably.
func (l *Log) Set(key, value []byte) error { return l.kept(l.wal.Set(key, value)) }

// Get returns a value, nil if there is none.
func (l *Log) Get(key []byte) ([]byte, error) { return l.wal.Get(key) }

// SetUint64 keeps a number, durably.
func (l *Log) SetUint64(key []byte, value uint64) error { return l.kept(l.wal.SetUint64(key, value)) }

// GetUint64 returns a number, 0 if there is none.
func (l *Log) GetUint64(key []byte) (uint64, error) { return l.wal.GetUint64(key) }

// kept lets a raft that could not keep its vote wait until it is cut off: it ends the process over such an error.
func (l *Log) kept(err error) error {
	if err == nil || errors.Is(err, wal.ErrClosed) {
		return err
	}
	l.diskFailed(err)
	<-l.ended
	return nil
}

// IsMonotonic says that there can be no gaps.
func (l *Log) IsMonotonic() bool { return true }

// Close makes durable what is not yet, and closes the log. Nobody may be using it any more.
func (l *Log) Close() error {
	l.End()
	l.queue.close()
	l.writers.Wait()
	return errors.Join(l.wal.Close(), l.mark.close())
}
