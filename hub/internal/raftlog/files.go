package raftlog

import (
	"errors"
	"fmt"
	"sync"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft-wal/types"
)

// category of what the log writes, for a file system that counts.
const category vfs.DiskWriteCategory = "raft-log"

// files is how raft-wal sees the file system. Its first failure to make something durable is its last write: what the
// operating system kept of the pages that it could not write is unknown, so that trying again could succeed without having
// written them.
type files struct {
	fs vfs.FS
	// full is told when there is no room, and may make some. May be nil.
	full func()
	// failed is told of what may not be tried again.
	failed func(error)

	mu sync.Mutex
	// open are the files that are open, to be closed if the log can't be opened. Guarded by mu.
	open map[*file]struct{}
}

var _ types.VFS = (*files)(nil)

// A file is a segment.
type file struct {
	vfs.File
	files *files
	// named is whether the file's name is known to be durable. It belongs to the writer.
	named bool
	dir   string
}

func (f *files) track(under vfs.File, dir string, named bool) *file {
	f.mu.Lock()
	defer f.mu.Unlock()
	opened := &file{File: under, files: f, dir: dir, named: named}
	if f.open == nil {
		f.open = map[*file]struct{}{}
	}
	f.open[opened] = struct{}{}
	return opened
}

// closeAll closes what is open, after a failure to open the log.
func (f *files) closeAll() error {
	f.mu.Lock()
	all := f.open
	f.open = nil
	f.mu.Unlock()
	var err error
	for one := range all {
		err = errors.Join(err, one.File.Close())
	}
	return err
}

// ListDir lists a folder's files.
func (f *files) ListDir(dir string) ([]string, error) { return f.fs.List(dir) }

// Create makes a file that has room for size bytes. raft-wal does not write again after it could not, so that more is done
// to get the room: whoever has some in reserve is asked for it.
func (f *files) Create(dir, name string, size uint64) (types.WritableFile, error) {
	created, err := f.create(dir, name, int64(size))
	if errors.Is(err, syscall.ENOSPC) && f.full != nil {
		f.full()
		created, err = f.create(dir, name, int64(size))
	}
	if err != nil {
		return nil, err
	}
	return created, nil
}

func (f *files) create(dir, name string, size int64) (*file, error) {
	path := f.fs.PathJoin(dir, name)
	under, err := f.fs.Create(path, category)
	if err != nil {
		return nil, err
	}
	if err := under.Close(); err != nil {
		return nil, err
	}
	// Only a file that is opened so may be written at any place.
	if under, err = f.fs.OpenReadWrite(path, category); err != nil {
		return nil, err
	}
	if err := allocate(under, size); err != nil {
		return nil, errors.Join(fmt.Errorf("allocate %s: %w", name, err), under.Close(), f.fs.Remove(path))
	}
	return f.track(under, dir, false), nil
}

// allocate gives a file its size and its room at once, so that an append changes neither.
func allocate(f vfs.File, size int64) error {
	if size == 0 {
		return nil
	}
	if err := f.Preallocate(0, size); err != nil && !errors.Is(err, syscall.EOPNOTSUPP) {
		return err
	}
	_, err := f.WriteAt([]byte{0}, size-1)
	return err
}

// Delete removes a file, durably.
func (f *files) Delete(dir, name string) error {
	if err := f.fs.Remove(f.fs.PathJoin(dir, name)); err != nil {
		return err
	}
	return syncDir(f.fs, dir)
}

// OpenReader opens a file for reading.
func (f *files) OpenReader(dir, name string) (types.ReadableFile, error) {
	under, err := f.fs.Open(f.fs.PathJoin(dir, name))
	if err != nil {
		return nil, err
	}
	return f.track(under, dir, true), nil
}

// OpenWriter opens a file for reading and writing.
func (f *files) OpenWriter(dir, name string) (types.WritableFile, error) {
	path := f.fs.PathJoin(dir, name)
	if _, err := f.fs.Stat(path); err != nil {
		return nil, err // OpenReadWrite would make it
	}
	under, err := f.fs.OpenReadWrite(path, category)
	if err != nil {
		return nil, err
	}
	return f.track(under, dir, false), nil
}

// WriteAt writes to the file, which is not durable yet.
func (f *file) WriteAt(p []byte, at int64) (int, error) {
	n, err := f.File.WriteAt(p, at)
	if err != nil && !errors.Is(err, syscall.ENOSPC) {
		f.files.failed(fmt.Errorf("write: %w", err))
	}
	return n, err
}

// Sync makes what was written durable, and the first time the file's name.
func (f *file) Sync() error {
	err := f.SyncData()
	if err == nil && !f.named {
		err = syncDir(f.files.fs, f.dir)
		f.named = err == nil
	}
	if err != nil {
		f.files.failed(fmt.Errorf("fsync: %w", err))
	}
	return err
}

// Close closes the file.
func (f *file) Close() error {
	f.files.mu.Lock()
	delete(f.files.open, f)
	f.files.mu.Unlock()
	return f.File.Close()
}

func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
