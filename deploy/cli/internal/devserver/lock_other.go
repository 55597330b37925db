//go:build !unix

package devserver

import (
	"errors"
	"os"
)

// ErrLocked is returned where another process has the data folder.
var ErrLocked = errors.New("the data folder is in use by another process")

// lock opens a file; where files can't be locked, the hub's own storage notices a second process.
func lock(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
}
