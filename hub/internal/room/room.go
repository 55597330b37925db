// Package room watches how much room a node's disk has left, keeps some in reserve, and lets writers that find the disk full
// wait until there is some again.
package room

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// Shares of a disk, and their bounds in bytes.
const (
	// lowShare of the disk free, or lowBytes where that is less, is too little to accept more: what has been accepted may
	// need it for segments of logs, for flushes and compactions.
	lowShare, lowBytes = 16, 256 << 20
	// reserveShare, or reserveBytes, is in a file that is given up when the disk is full in spite of that, because another
	// fills it: enough for each group to begin one more segment.
	reserveShare, reserveBytes = 16, 64 << 20
	// watchEvery is how often it is looked. At a gigabit a second less than lowBytes is filled between two looks.
	watchEvery = 250 * time.Millisecond
	// retryEvery is how often a writer that waits tries again.
	retryEvery = 50 * time.Millisecond
)

// reserveName is the file in reserve.
const reserveName = "reserve"

// A Room is the room on the disk that a folder is on. It is safe for concurrent use.
type Room struct {
	dir   string
	log   *slog.Logger
	usage Usage

	full atomic.Bool
	free atomic.Uint64

	mu sync.Mutex
	// reserved is the size of the file in reserve, 0 while there is none. Guarded by mu.
	reserved uint64
	// changed is closed and replaced when full changes. Guarded by mu.
	changed chan struct{}

	// ended is closed when nobody may wait any more.
	ended   chan struct{}
	endOnce sync.Once
}

// A Usage returns how many bytes of the disk that a folder is on are free, and how many there are.
type Usage func(dir string) (free, total uint64, err error)

// DiskUsage asks the operating system.
func DiskUsage(dir string) (free, total uint64, err error) {
	u, err := vfs.Default.GetDiskUsage(dir)
	return u.AvailBytes, u.TotalBytes, err
}

// Open begins to watch the disk that a folder is on.
func Open(dir string, log *slog.Logger, usage Usage) *Room {
	r := &Room{dir: dir, log: log, usage: usage, changed: make(chan struct{}), ended: make(chan struct{})}
	if info, err := os.Stat(r.path()); err == nil {
		r.reserved = uint64(info.Size())
	}
	r.Look()
	return r
}

func (r *Room) path() string { return filepath.Join(r.dir, reserveName) }

// Full reports whether nothing more should be accepted.
func (r *Room) Full() bool { return r.full.Load() }

// Free returns how many bytes were free when it was looked last.
func (r *Room) Free() uint64 { return r.free.Load() }

// Watch looks again and again until ctx ends.
func (r *Room) Watch(ctx context.Context) {
	every := time.NewTicker(watchEvery)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
			r.Look()
		}
	}
}

// Look looks how much is free.
func (r *Room) Look() {
	free, total, err := r.usage(r.dir)
	if err != nil {
		r.log.Warn("it can't be told how much room the disk has", "error", err)
		return
	}
	r.free.Store(free)
	r.mu.Lock()
	defer r.mu.Unlock()
	low, want := min(total/lowShare, lowBytes), min(total/reserveShare, reserveBytes)
	switch full := r.full.Load(); {
	case !full && free < low:
		r.set(true)
		r.log.Error("the disk is full: publications are refused until there is room again", "free", free, "wanted", low)
	case full && free >= low+low/4+want-min(want, r.reserved):
		r.set(false)
		r.log.Info("the disk has room again", "free", free)
	}
	if !r.full.Load() && r.reserved == 0 && free >= low+want {
		r.reserve(want)
	}
}

// set requires mu.
func (r *Room) set(full bool) {
	r.full.Store(full)
	close(r.changed)
	r.changed = make(chan struct{})
}

// reserve makes the file in reserve. It requires mu.
func (r *Room) reserve(size uint64) {
	f, err := vfs.Default.Create(r.path(), "reserve")
	if err == nil {
		err = errors.Join(f.Preallocate(0, int64(size)), f.Close())
	}
	if err != nil {
		r.log.Debug("no room is kept in reserve", "error", err)
		_ = os.Remove(r.path()) // a part of it is of no use
		return
	}
	r.reserved = size
}

// Exhausted says that a write has found no room. It gives the reserve up.
func (r *Room) Exhausted() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.full.Load() {
		r.set(true)
		r.log.Error("the disk is full: publications are refused until there is room again")
	}
	if r.reserved == 0 {
		return
	}
	if err := os.Remove(r.path()); err != nil {
		r.log.Warn("the room in reserve could not be given up", "error", err)
		return
	}
	r.log.Warn("the room that was kept in reserve has been given up", "bytes", r.reserved)
	r.reserved = 0
}

// End has all who wait give up, now and from then on.
func (r *Room) End() { r.endOnce.Do(func() { close(r.ended) }) }

// Wait waits until there is room again. It fails when ctx or the Room ends.
func (r *Room) Wait(ctx context.Context) error {
	for {
		r.mu.Lock()
		changed := r.changed
		r.mu.Unlock()
		if !r.Full() {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-r.ended:
			return fmt.Errorf("%w: %w", io.ErrClosedPipe, syscall.ENOSPC)
		}
	}
}

// again reports, after a while, whether a write that has failed with err may be tried again.
func (r *Room) again(err error) bool {
	if !errors.Is(err, syscall.ENOSPC) && !errors.Is(err, syscall.EDQUOT) {
		return false
	}
	r.Exhausted()
	retry := time.NewTimer(retryEvery)
	defer retry.Stop()
	select {
	case <-retry.C:
		return true
	case <-r.ended:
		return false
	}
}
