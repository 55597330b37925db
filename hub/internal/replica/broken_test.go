package replica_test

import (
	"errors"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"weir/hub/internal/raftlog"
	"weir/hub/internal/replica"
)

// A failingFS makes nothing durable, or has no room, when told.
type failingFS struct {
	vfs.FS
	broken, full atomic.Bool
}

func (fs *failingFS) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	f, err := fs.FS.OpenReadWrite(name, c, o...)
	return failingFile{f, fs}, err
}

func (fs *failingFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if fs.full.Load() && strings.HasSuffix(name, ".wal") {
		return nil, syscall.ENOSPC
	}
	return fs.FS.Create(name, c)
}

type failingFile struct {
	vfs.File
	fs *failingFS
}

func (f failingFile) SyncData() error {
	if f.fs.broken.Load() {
		return syscall.EIO
	}
	return f.File.SyncData()
}

func openFailing(t *testing.T) (*replica.Replica, *failingFS, *fakeMachine) {
	t.Helper()
	fs := &failingFS{FS: vfs.Default}
	m := &fakeMachine{}
	c := config(t.TempDir(), m)
	c.FS, c.SegmentBytes = fs, 4<<10
	r, err := replica.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	awaitLead(t, r)
	return r, fs, m
}

func awaitLead(t *testing.T, r *replica.Replica) {
	t.Helper()
	patience := time.After(20 * time.Second)
	for !r.Leads() || r.Barrier() != nil {
		select {
		case <-r.Changed():
		case <-time.After(5 * time.Millisecond):
		case <-patience:
			t.Fatal("there is no leader")
		}
	}
}

func awaitBroken(t *testing.T, r *replica.Replica, want error) {
	t.Helper()
	select {
	case err := <-r.Broken():
		if !errors.Is(err, want) {
			t.Errorf("it is broken by %v, not %v", err, want)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("nobody is told that the replica is broken")
	}
}

// TestFailedDiskEndsTheReplica has the disk fail for entries and for votes, over which raft would end the process.
func TestFailedDiskEndsTheReplica(t *testing.T) {
	r, fs, m := openFailing(t)
	propose(t, r, "a", "b")
	fs.broken.Store(true)
	if err := r.Propose([]byte("c")).Error(); err == nil || replica.Certain(err) {
		t.Errorf("a proposal that can't be written: %v", err)
	}
	awaitBroken(t, r, raftlog.ErrDisk)
	if err := r.Park(); err != nil {
		t.Logf("parked with %v", err)
	}
	if leader, term := r.Leader(); !r.Parked() || r.Leads() || leader != "" || term != 0 || len(r.Members().Voters) > 0 {
		t.Errorf("a parked replica knows of %q in term %d", leader, term)
	}
	if err := errors.Join(r.Barrier(), r.Learn("x")); err == nil {
		t.Error("a parked replica does something")
	}
	if got := m.list(); got != "a b" {
		t.Errorf("applied are %s", got)
	}
	closeReplica(t, r)
}

// TestFullDiskPasses has no room for the next segment for a while.
func TestFullDiskPasses(t *testing.T) {
	r, fs, m := openFailing(t)
	fs.full.Store(true)
	n := 0
	for r.Propose([]byte(strings.Repeat("x", 300))).Error() == nil {
		n++
	}
	awaitBroken(t, r, raftlog.ErrNoRoom)
	if err := r.Again(); !errors.Is(err, raftlog.ErrNoRoom) {
		t.Errorf("on a full disk it begins with %v", err)
	}
	fs.full.Store(false)
	if err := r.Again(); err != nil {
		t.Fatal(err)
	}
	awaitLead(t, r)
	propose(t, r, "after")
	if words := strings.Fields(m.list()); len(words) < n+1 || words[len(words)-1] != "after" {
		t.Errorf("%d entries have been applied of %d", len(words), n+1)
	}
	closeReplica(t, r)
}

// TestBeginsAnew forgets everything, as after the group has removed a corrupt node.
func TestBeginsAnew(t *testing.T) {
	r, _, _ := openFailing(t)
	propose(t, r, "a")
	closeReplica(t, r)
	m := &fakeMachine{}
	c := config(filepath.Join(t.TempDir(), "new"), m)
	c.Parked = true
	r, err := replica.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	if !r.Parked() || !r.Empty() {
		t.Error("it takes part")
	}
	if err := r.Anew(); err != nil {
		t.Fatal(err)
	}
	if r.Leads() || !r.Empty() || len(r.Members().Voters) > 0 {
		t.Error("it has not forgotten everything, or began a group of its own")
	}
	closeReplica(t, r)
}
