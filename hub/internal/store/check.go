package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Check reads all tables in a folder and compares the checksums of their blocks. The error is a *CorruptError if one is not
// what was written, or can't be read by the disk; not if it has gone, or there are too few of this or that to open it.
func Check(fs vfs.FS, dir string) error {
	names, err := fs.List(dir)
	if err != nil {
		return fmt.Errorf("check the state in %s: %w", dir, err)
	}
	for _, name := range names {
		if !strings.HasSuffix(name, ".sst") {
			continue
		}
		path := fs.PathJoin(dir, name)
		if err := checkTable(fs, path); err != nil {
			if !errors.Is(err, syscall.EIO) && (passes(err) || errors.Is(err, os.ErrNotExist) || ended(err)) {
				return fmt.Errorf("check the table %s: %w", path, err)
			}
			return &CorruptError{Key: []byte(path), Reason: "a block of the file can't be read", Cause: err}
		}
	}
	return nil
}

// ended reports whether whoever reads has been told to stop.
func ended(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

func checkTable(fs vfs.FS, path string) (err error) {
	file, err := fs.Open(path, vfs.SequentialReadsOption)
	if err != nil {
		return err
	}
	readable, err := sstable.NewSimpleReadable(file)
	if err != nil {
		return errors.Join(err, file.Close())
	}
	table, err := sstable.NewReader(context.Background(), readable, sstable.ReaderOptions{})
	if err != nil {
		return errors.Join(err, readable.Close())
	}
	return errors.Join(table.ValidateBlockChecksums(), table.Close())
}

// openPebble turns all that is wrong with the folder's files into a *CorruptError. Pebble ends the process for some of it.
func openPebble(dir string, options *pebble.Options) (db *pebble.DB, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &CorruptError{Key: []byte(dir), Reason: fmt.Sprint(p)}
		}
	}()
	db, err = pebble.Open(dir, options)
	if err != nil && !passes(err) {
		return nil, &CorruptError{Key: []byte(dir), Reason: "the folder can't be opened", Cause: err}
	}
	return db, err
}

// passes reports whether a failure to open is not about what the files have.
func passes(err error) bool {
	for _, other := range []error{
		syscall.ENOSPC, syscall.EDQUOT, syscall.EIO, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EAGAIN, os.ErrPermission,
	} {
		if errors.Is(err, other) {
			return true
		}
	}
	return false
}
