package backup

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"weir/hub/internal/datadir"
)

// ErrNotEmpty says that a folder has something already.
var ErrNotEmpty = errors.New("the folder is not empty")

// unfinished is the folder, within the data folder, that everything is made in. As long as it is there, no hub takes the data
// folder for one of its own, nor for a new one.
const unfinished = "restore-unfinished"

// formatFile makes a folder a hub's data folder, so it comes last.
const formatFile = "format"

// mayStay may be in a folder that is restored to: the certificates, which a node of a larger region is given before.
var mayStay = []string{"link", "lock", unfinished}

// A folder is a data folder that is being made.
type folder struct {
	dir  string
	part string // where everything is until it is complete
	lock io.Closer
}

// claim takes possession of an empty folder, which it makes if it is missing. What an earlier restore has left there, which
// was interrupted, is removed.
func claim(dir string) (*folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder: %w", err)
	}
	if err := checkEmpty(dir); err != nil {
		return nil, err
	}
	lock, err := vfs.Default.Lock(filepath.Join(dir, "lock"))
	if err != nil {
		return nil, fmt.Errorf("%s: %w (%w)", dir, datadir.ErrInUse, err)
	}
	f := &folder{dir: dir, part: filepath.Join(dir, unfinished), lock: lock}
	if err := f.begin(); err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	return f, nil
}

func checkEmpty(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, formatFile)); errors.Is(err, os.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(dir, unfinished)); err == nil {
			return nil // what else is there is of the same restore
		}
	}
	for _, e := range entries {
		if e.Name() == unfinished || !slices.Contains(mayStay, e.Name()) && !strings.HasPrefix(e.Name(), ".") {
			return fmt.Errorf("%s: %w: it has %q", dir, ErrNotEmpty, e.Name())
		}
	}
	return nil
}

// begin removes what an interrupted restore has left.
func (f *folder) begin() error {
	entries, err := os.ReadDir(f.part)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	interrupted := err == nil
	for _, name := range moved {
		if interrupted {
			if err := os.RemoveAll(filepath.Join(f.dir, name)); err != nil {
				return fmt.Errorf("remove what an interrupted restore has left: %w", err)
			}
		}
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(f.part, e.Name())); err != nil {
			return fmt.Errorf("remove what an interrupted restore has left: %w", err)
		}
	}
	if err := os.MkdirAll(f.part, 0o700); err != nil {
		return err
	}
	return syncDir(f.dir)
}

// moved are the names that finish moves, in that order.
var moved = []string{"groups", "node.json", "region.json", "admin.key", formatFile}

// finish makes the folder a hub's. What is killed before the last of the renames has made no such folder.
func (f *folder) finish() error {
	if err := syncDir(f.part); err != nil {
		return err
	}
	for _, name := range moved {
		if err := os.Rename(filepath.Join(f.part, name), filepath.Join(f.dir, name)); err != nil {
			return fmt.Errorf("complete the data folder: %w", err)
		}
		if err := syncDir(f.dir); err != nil {
			return err
		}
	}
	if err := os.Remove(f.part); err != nil {
		return fmt.Errorf("complete the data folder: %w", err)
	}
	return errors.Join(syncDir(f.dir), f.lock.Close())
}

// abandon removes what has been made.
func (f *folder) abandon() error {
	return errors.Join(os.RemoveAll(f.part), os.Remove(filepath.Join(f.dir, "lock")), f.lock.Close())
}

// syncDir makes the names in a folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
