//go:build unix

package devfile

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// checkOwner returns fs.ErrNotExist unless the file is there and ours.
func checkOwner(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && int(owner.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to another user: %w", path, fs.ErrNotExist)
	}
	return nil
}
