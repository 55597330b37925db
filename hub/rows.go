package hub

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/cockroachdb/pebble/v2/vfs"

	"weir/hub/internal/machine"
	"weir/hub/internal/store"
)

// readRows reads all rows of a state that is not in use, and returns the index of the last entry that it has. Of a row that is not what was written the error is a *store.CorruptError.
func readRows(fs vfs.FS, dir string, log *slog.Logger) (index uint64, err error) {
	s, err := store.Open(dir, store.Options{FS: fs, ReadOnly: true, Logger: log.With("source", "verification")})
	if err != nil {
		return 0, fmt.Errorf("read the state in %s: %w", dir, err)
	}
	err = s.View(func(r store.Reader) error {
		if index, err = machine.AppliedIn(r); err != nil {
			return err
		}
		return r.ScanSealed(func(_, _ []byte) error { return nil })
	})
	return index, errors.Join(err, s.Close())
}
