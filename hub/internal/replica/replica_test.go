package replica_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
	"go.uber.org/goleak"

	"weir/hub/internal/replica"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A fakeMachine keeps the entries in memory; a checkpoint is a file that lists them.
type fakeMachine struct {
	mu      sync.Mutex
	applied uint64
	entries []string
}

func (m *fakeMachine) Apply(logs []*raft.Log) []any {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range logs {
		if l.Index > m.applied && l.Type == raft.LogCommand {
			m.entries = append(m.entries, string(l.Data))
		}
		m.applied = max(m.applied, l.Index)
	}
	return make([]any, len(logs))
}

func (m *fakeMachine) Applied() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.applied
}

func (m *fakeMachine) list() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return strings.Join(m.entries, " ")
}

func (m *fakeMachine) Checkpoint(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "all"), []byte(fmt.Sprint(m.Applied(), " ", m.list())), 0o600)
}

func (m *fakeMachine) Replace(fill func(fs vfs.FS, dir string) error) error {
	dir, err := os.MkdirTemp("", "replaced")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := fill(vfs.Default, filepath.Join(dir, "state")); err != nil {
		return err
	}
	content, err := os.ReadFile(filepath.Join(dir, "state", "all"))
	if err != nil {
		return err
	}
	words := strings.Fields(string(content))
	m.mu.Lock()
	defer m.mu.Unlock()
	m.entries = words[1:]
	m.applied, err = strconv.ParseUint(words[0], 10, 64)
	return err
}

func config(dir string, m replica.Machine) replica.Config {
	return replica.Config{Dir: dir, NodeID: "hub-1", Found: []string{"hub-1"}, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Machine: m}
}

func open(t *testing.T, dir string, m replica.Machine) *replica.Replica {
	t.Helper()
	r, err := replica.Open(config(dir, m))
	if err != nil {
		t.Fatal(err)
	}
	select {
	case leads := <-r.Led():
		if !leads {
			t.Fatal("the only node does not lead")
		}
	case <-time.After(20 * time.Second):
		t.Fatal("there is no leader")
	}
	if err := r.Barrier(); err != nil {
		t.Fatal(err)
	}
	return r
}

func propose(t *testing.T, r *replica.Replica, entries ...string) {
	t.Helper()
	for _, e := range entries {
		if err := r.Propose([]byte(e)).Error(); err != nil {
			t.Fatal(err)
		}
	}
}

func closeReplica(t *testing.T, r *replica.Replica) {
	t.Helper()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestRestartReplaysTheLog(t *testing.T) {
	dir := t.TempDir()
	m := &fakeMachine{}
	r := open(t, dir, m)
	propose(t, r, "a", "b", "c")
	if !r.Leads() || r.Term() == 0 {
		t.Errorf("leads: %v, term %d", r.Leads(), r.Term())
	}
	closeReplica(t, r)

	lost := &fakeMachine{} // nothing had been flushed
	r = open(t, dir, lost)
	propose(t, r, "d")
	closeReplica(t, r)
	if got := lost.list(); got != "a b c d" {
		t.Errorf("replayed are %s", got)
	}
	r = open(t, dir, lost) // everything had been
	closeReplica(t, r)
	if got := lost.list(); got != "a b c d" {
		t.Errorf("replayed are %s", got)
	}
}

func TestMachineIsRebuiltFromTheSnapshot(t *testing.T) {
	dir := t.TempDir()
	m := &fakeMachine{}
	r := open(t, dir, m)
	propose(t, r, "a", "b")
	if err := r.Snapshot(); err != nil {
		t.Fatal(err)
	}
	propose(t, r, "c")
	closeReplica(t, r)
	lost := &fakeMachine{}
	closeReplica(t, open(t, dir, lost))
	if got := lost.list(); got != "a b c" {
		t.Errorf("rebuilt are %s", got)
	}
}

func TestForeignLogIsRefused(t *testing.T) {
	dir := t.TempDir()
	m := &fakeMachine{}
	r := open(t, dir, m)
	propose(t, r, "a", "b")
	closeReplica(t, r)
	if err := os.RemoveAll(filepath.Join(dir, "log")); err != nil {
		t.Fatal(err)
	}
	if _, err := replica.Open(config(dir, m)); err == nil || !strings.Contains(err.Error(), "has been applied") {
		t.Errorf("without its log the state is opened with %v", err)
	}
}

func TestProposalsOfAClosedReplicaFail(t *testing.T) {
	r := open(t, t.TempDir(), &fakeMachine{})
	closeReplica(t, r)
	if err := r.Propose([]byte("a")).Error(); !replica.Certain(err) {
		t.Errorf("the proposal fails with %v", err)
	}
	if !replica.Certain(fmt.Errorf("enqueue: %w", raft.ErrEnqueueTimeout)) || replica.Certain(errors.New("disk")) {
		t.Error("it is not told what is certain")
	}
}
