package room

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const mebibyte = 1 << 20

// newRoom returns the room on a disk of 160 MiB, of which 10 MiB are too little, and what is free there.
func newRoom(t *testing.T) (*Room, *atomic.Uint64) {
	t.Helper()
	free := &atomic.Uint64{}
	free.Store(100 * mebibyte)
	r := Open(t.TempDir(), slog.New(slog.DiscardHandler), func(string) (uint64, uint64, error) {
		return free.Load(), 160 * mebibyte, nil
	})
	t.Cleanup(r.End)
	return r, free
}

func TestFullWithHysteresis(t *testing.T) {
	r, free := newRoom(t)
	for _, step := range []struct {
		free uint64
		full bool
	}{{100, false}, {11, false}, {9, true}, {11, true}, {13, false}, {11, false}, {0, true}, {100, false}} {
		free.Store(step.free * mebibyte)
		if r.Look(); r.Full() != step.full {
			t.Errorf("with %d MiB free it is full: %v", step.free, r.Full())
		}
	}
}

func TestReserveIsGivenUpAndTakenAgain(t *testing.T) {
	r, free := newRoom(t)
	reserve := filepath.Join(r.dir, reserveName)
	if _, err := os.Stat(reserve); err != nil {
		t.Fatal(err)
	}
	r.Exhausted()
	if _, err := os.Stat(reserve); !os.IsNotExist(err) || !r.Full() {
		t.Errorf("the reserve: %v, full: %v", err, r.Full())
	}
	free.Store(15 * mebibyte) // most of that is what was given up
	if r.Look(); !r.Full() {
		t.Error("what was given up is taken for room")
	}
	free.Store(40 * mebibyte)
	r.Look()
	if _, err := os.Stat(reserve); err != nil || r.Full() {
		t.Errorf("the reserve: %v, full: %v", err, r.Full())
	}
}

// A tightFS has room when told.
type tightFS struct {
	vfs.FS
	room atomic.Bool
	// refused has a token for each write that has found no room, as far as it has room.
	refused chan struct{}
}

func (fs *tightFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := fs.FS.Create(name, c)
	return tightFile{f, fs}, err
}

type tightFile struct {
	vfs.File
	fs *tightFS
}

// Write writes half of p where there is no room for more.
func (f tightFile) Write(p []byte) (int, error) {
	if f.fs.room.Load() {
		return f.File.Write(p)
	}
	n, _ := f.File.Write(p[:len(p)/2])
	select {
	case f.fs.refused <- struct{}{}:
	default:
	}
	return n, syscall.ENOSPC
}

func TestWritersWait(t *testing.T) {
	r, free := newRoom(t)
	free.Store(0)
	under := &tightFS{FS: vfs.NewMem(), refused: make(chan struct{}, 1)}
	f, err := r.FS(under).Create("a", "test")
	if err != nil {
		t.Fatal(err)
	}
	written := make(chan error, 1)
	go func() {
		_, err := f.Write([]byte("0123456789"))
		written <- err
	}()
	<-under.refused
	under.room.Store(true)
	if err := <-written; err != nil {
		t.Fatal(err)
	}
	if !r.Full() {
		t.Error("nobody was told that there is no room")
	}
	content := make([]byte, 20)
	g, err := under.Open("a")
	if err != nil {
		t.Fatal(err)
	}
	if n, _ := g.Read(content); string(content[:n]) != "0123456789" {
		t.Errorf("written is %q", content[:n])
	}
	under.room.Store(false)
	r.End()
	if _, err := f.Write([]byte("more")); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("after the end: %v", err)
	}
}

func TestWait(t *testing.T) {
	r, free := newRoom(t)
	if err := r.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.Exhausted()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Wait(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("for who has gone: %v", err)
	}
	waited := make(chan error)
	go func() { waited <- r.Wait(t.Context()) }()
	free.Store(100 * mebibyte)
	r.Look()
	if err := <-waited; err != nil {
		t.Error(err)
	}
}
