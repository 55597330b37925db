package hub

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// A pace bounds how many bytes are read in a second, and ends the reading with ctx. It belongs to one reading, and is safe for
// concurrent use.
type pace struct {
	ctx context.Context
	// rate is in bytes a second. 0: as fast as can be, and nobody counts.
	rate    int
	began   time.Time
	done    atomic.Int64
	counted func(bytes int)
}

// paceSlack is by how much a reading may be ahead, so that it does not sleep for each block.
const paceSlack = 20 * time.Millisecond

// add counts bytes that have been read, and waits for as long as they should have taken.
func (p *pace) add(n int) error {
	if p.rate == 0 {
		return p.ctx.Err()
	}
	done := p.done.Add(int64(n))
	p.counted(n)
	due := time.Duration(float64(done) / float64(p.rate) * float64(time.Second))
	if wait := due - time.Since(p.began); wait > paceSlack {
		return sleep(p.ctx, wait)
	}
	return p.ctx.Err()
}

// A pacedFS reads files at a pace.
type pacedFS struct {
	vfs.FS
	pace *pace
}

// Open opens a file for reading.
func (fs pacedFS) Open(name string, opts ...vfs.OpenOption) (vfs.File, error) {
	file, err := fs.FS.Open(name, opts...)
	if err != nil {
		return nil, err
	}
	return pacedFile{file, fs.pace}, nil
}

type pacedFile struct {
	vfs.File
	pace *pace
}

// ReadAt reads at a place.
func (f pacedFile) ReadAt(p []byte, at int64) (int, error) {
	n, err := f.File.ReadAt(p, at)
	if waited := f.pace.add(n); waited != nil {
		return n, waited
	}
	return n, err
}
