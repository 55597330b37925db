package room

import (
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// A patientFS waits where there is no room. Pebble ends the process when it can't write what tables it has, and nothing is
// lost by waiting: what it writes is in the Raft log.
type patientFS struct {
	vfs.FS
	room *Room
}

// FS returns a file system whose writers wait until there is room, or until the Room ends.
func (r *Room) FS(under vfs.FS) vfs.FS { return &patientFS{under, r} }

func (fs *patientFS) try(f func() error) error {
	for {
		err := f()
		if err == nil || !fs.room.again(err) {
			return err
		}
	}
}

func (fs *patientFS) file(f func() (vfs.File, error)) (vfs.File, error) {
	var file vfs.File
	err := fs.try(func() (err error) {
		file, err = f()
		return err
	})
	if err != nil {
		return nil, err
	}
	return &patientFile{file, fs}, nil
}

// Create makes a file.
func (fs *patientFS) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return fs.file(func() (vfs.File, error) { return fs.FS.Create(name, category) })
}

// OpenReadWrite opens a file, or makes it.
func (fs *patientFS) OpenReadWrite(name string, category vfs.DiskWriteCategory, opts ...vfs.OpenOption) (vfs.File, error) {
	return fs.file(func() (vfs.File, error) { return fs.FS.OpenReadWrite(name, category, opts...) })
}

// ReuseForWrite renames a file and opens it.
func (fs *patientFS) ReuseForWrite(from, to string, category vfs.DiskWriteCategory) (vfs.File, error) {
	return fs.file(func() (vfs.File, error) { return fs.FS.ReuseForWrite(from, to, category) })
}

// Link makes another name of a file.
func (fs *patientFS) Link(from, to string) error {
	return fs.try(func() error { return fs.FS.Link(from, to) })
}

// Rename renames a file.
func (fs *patientFS) Rename(from, to string) error {
	return fs.try(func() error { return fs.FS.Rename(from, to) })
}

// MkdirAll makes a folder.
func (fs *patientFS) MkdirAll(dir string, mode os.FileMode) error {
	return fs.try(func() error { return fs.FS.MkdirAll(dir, mode) })
}

// Unwrap returns the file system below.
func (fs *patientFS) Unwrap() vfs.FS { return fs.FS }

type patientFile struct {
	vfs.File
	fs *patientFS
}

// Write writes all of p.
func (f *patientFile) Write(p []byte) (n int, err error) {
	err = f.fs.try(func() error {
		more, err := f.File.Write(p[n:])
		n += more
		return err
	})
	return n, err
}

// WriteAt writes all of p at a place.
func (f *patientFile) WriteAt(p []byte, at int64) (n int, err error) {
	err = f.fs.try(func() error {
		n, err = f.File.WriteAt(p, at)
		return err
	})
	return n, err
}

// Preallocate takes room.
func (f *patientFile) Preallocate(at, length int64) error {
	return f.fs.try(func() error { return f.File.Preallocate(at, length) })
}
