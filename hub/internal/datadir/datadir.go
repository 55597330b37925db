// Package datadir guards a hub's data folder: one process at a time, and only a format that this version can read.
package datadir

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Format is the version of the folder's layout and of all that is stored in it. Format 1 was that of one group for
// everything, format 2 kept votes in another file, format 3 a row for each remembered publication, and format 4 one for each
// event, all before any release.
const Format = 5

// oldest is the first format that this version goes on with, in place: a row of one event is a run of one.
const oldest = 4

const (
	formatFile   = "format"
	formatPrefix = "weir hub "
	lockFile     = "lock"
)

// Errors that callers test.
var (
	ErrInUse      = errors.New("the data folder belongs to a running hub")
	ErrTooNew     = errors.New("the data folder was written by a newer version of weir")
	ErrTooOld     = errors.New("the data folder was written before the first release of weir: remove it, or choose another one")
	ErrNotAHub    = errors.New("the folder is not empty and no hub's data folder")
	ErrUnreadable = errors.New("the data folder's format can't be read")
)

// A Dir is a data folder that belongs to this process.
type Dir struct {
	Path string
	lock io.Closer
}

// Open takes possession of a data folder, which it makes if it is missing.
func Open(path string) (*Dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	// Whether a folder is a hub's is asked before a lock file is left in it.
	if err := checkFormat(path); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	lock, err := vfs.Default.Lock(filepath.Join(path, lockFile))
	if err != nil {
		return nil, fmt.Errorf("%s: %w (%w)", path, ErrInUse, err)
	}
	if err := WriteFormat(path); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return &Dir{Path: path, lock: lock}, nil
}

// Close gives the folder up.
func (d *Dir) Close() error { return d.lock.Close() }

func checkFormat(path string) error {
	content, err := os.ReadFile(filepath.Join(path, formatFile))
	if errors.Is(err, os.ErrNotExist) {
		return checkEmpty(path)
	}
	if err != nil {
		return err
	}
	format, err := parseFormat(string(content))
	if err != nil {
		return err
	}
	switch {
	case format > Format:
		return fmt.Errorf("%w: its format is %d, this version reads up to %d", ErrTooNew, format, Format)
	case format < oldest:
		return ErrTooOld
	}
	return nil
}

func parseFormat(content string) (int, error) {
	number, ok := strings.CutPrefix(strings.TrimSpace(content), formatPrefix)
	format, err := strconv.Atoi(number)
	if !ok || err != nil || format < 1 {
		return 0, fmt.Errorf("%w: the file %q does not say %q and a number", ErrUnreadable, formatFile, formatPrefix)
	}
	return format, nil
}

// mayBefore lists what may be in a folder before a hub's first start: what that leaves when it is interrupted before the
// format is written, and the certificates that a node of a larger region is given.
var mayBefore = []string{lockFile, "link"}

// checkEmpty keeps a hub from settling in a folder with other things.
func checkEmpty(path string) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !slices.Contains(mayBefore, e.Name()) && !strings.HasPrefix(e.Name(), ".") {
			return fmt.Errorf("%w: it has %q", ErrNotAHub, e.Name())
		}
	}
	return nil
}

// WriteFormat makes a folder a hub's data folder of this version's format, so that earlier ones leave it alone.
func WriteFormat(path string) error {
	name := filepath.Join(path, formatFile)
	want := []byte(formatPrefix + strconv.Itoa(Format) + "\n")
	if is, err := os.ReadFile(name); err == nil && bytes.Equal(is, want) {
		return nil
	}
	return WriteFile(name, want, 0o644)
}

// WriteFile makes a file that is there with all its content, durably, or not at all.
func WriteFile(name string, content []byte, mode os.FileMode) error {
	part := name + ".part"
	f, err := os.OpenFile(part, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(part))
	}
	if err := os.Rename(part, name); err != nil {
		return err
	}
	d, err := os.Open(filepath.Dir(name))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
