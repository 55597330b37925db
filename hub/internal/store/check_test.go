package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"weir/hub/internal/store"
)

// A failing file system fails to open files, or to read them.
type failing struct {
	vfs.FS
	open, read error
}

func (f failing) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	if f.open != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: f.open}
	}
	file, err := f.FS.Open(name, opts...)
	return failingFile{file, f.read}, err
}

type failingFile struct {
	vfs.File
	why error
}

func (f failingFile) ReadAt([]byte, int64) (int, error) { return 0, fmt.Errorf("read: %w", f.why) }

// TestCheckTellsDamageFromOtherFailures has tables that can't be opened or read, for reasons that are about them or not: what is
// taken for damage is set aside.
func TestCheckTellsDamageFromOtherFailures(t *testing.T) {
	fs := vfs.NewMem()
	s := open(t, "state", store.Options{FS: fs})
	put(t, s, "a", "1")
	if err := s.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := store.Check(fs, "state"); err != nil {
		t.Fatal(err)
	}
	for why, damage := range map[error]bool{
		syscall.EMFILE: false, syscall.ENOMEM: false, os.ErrNotExist: false, os.ErrPermission: false, context.Canceled: false,
		syscall.EIO: true, errors.New("another"): true,
	} {
		for _, fs := range []vfs.FS{failing{FS: fs, open: why}, failing{FS: fs, read: why}} {
			err := store.Check(fs, "state")
			var corrupt *store.CorruptError
			if errors.As(err, &corrupt) != damage || !errors.Is(err, why) {
				t.Errorf("%v is told as %v", why, err)
			}
		}
	}
}
