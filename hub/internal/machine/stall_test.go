package machine_test

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"weir/hub/internal/entry"
	"weir/hub/internal/machine"
	"weir/hub/internal/placement"
	"weir/hub/internal/store"
	"weir/proto/logpb"
	"weir/proto/weirpb"
)

// Sizes of the windows that a snapshot is made of, in bytes. WEIR_BIG=1 asks for the larger.
const (
	windows    = 200 << 20
	bigWindows = 5 << 30
)

// longestStall is how long a snapshot may hold the next entries up.
const longestStall = 50 * time.Millisecond

// betweenEntries of 256 KiB makes 25 MiB a second, which a disk keeps up with: what is measured is the snapshot.
const betweenEntries = 10 * time.Millisecond

// filling makes entries of four events of 64 KiB each, for channel after channel.
type filling struct {
	t     *testing.T
	index uint64
}

func (f *filling) next() *raft.Log {
	f.t.Helper()
	f.index++
	c := &logpb.Append{Settings: []*logpb.Settings{{
		TenantId: 1, Kind: weirpb.ChannelKind_CHANNEL_KIND_LOG, WindowAgeMs: 1 << 40, WindowBytes: 64 << 20, WindowCount: 1e6,
	}}}
	for range 4 {
		payload := make([]byte, 64<<10)
		_, _ = rand.Read(payload) // never fails
		c.Submissions = append(c.Submissions, &logpb.Submission{Publication: &weirpb.Publication{
			Channel: fmt.Sprint("c", f.index/250), Payload: payload, // 62 MiB each
		}})
	}
	data, err := entry.Encode(&logpb.Entry{TimeMs: int64(f.index), Shard: 1, Command: &logpb.Entry_Append{Append: c}})
	if err != nil {
		f.t.Fatal(err)
	}
	return &raft.Log{Index: f.index, Type: raft.LogCommand, Data: data}
}

// TestSnapshotsNeitherCopyNorStall makes snapshots of large windows while entries are applied.
func TestSnapshotsNeitherCopyNorStall(t *testing.T) {
	size := uint64(windows)
	if os.Getenv("WEIR_BIG") != "" {
		size = bigWindows
	}
	if testing.Short() {
		t.Skip("SKIPPED: it writes 200 MB")
	}
	dir := t.TempDir()
	s, err := store.Open(filepath.Join(dir, "state"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	m, err := machine.New(machine.Config{
		Store: s, Shards: []placement.Shard{1}, OnApplied: func(machine.Applied) {}, OnFailed: func(err error) { t.Error(err) },
	})
	if err != nil {
		t.Fatal(err)
	}
	f := &filling{t: t}
	for m.Logged() < size {
		m.Apply([]*raft.Log{f.next()})
	}
	// Whatever else the machine does holds entries up too, but not in each of several snapshots.
	best := time.Hour
	for i := range 5 {
		snapshot := filepath.Join(dir, fmt.Sprint("snapshot-", i))
		stall, took := stallDuring(m, f, func() error { return m.Checkpoint(snapshot) })
		best = min(best, stall)
		copied, total := copiedBytes(t, filepath.Join(dir, "state"), snapshot)
		t.Logf("a snapshot of %d MiB took %v, held the next entries up for %v at most, and copied %d KiB", total>>20, took, stall, copied>>10)
		if copied > 1<<20 {
			t.Errorf("of %d bytes %d are copied", total, copied)
		}
		if best < longestStall {
			break
		}
	}
	if best >= longestStall {
		t.Errorf("each snapshot holds entries up for %v or more", best)
	}
}

// stallDuring applies entries until f returns, and tells how long one took at most.
func stallDuring(m *machine.Machine, fill *filling, f func() error) (stall, took time.Duration) {
	fill.t.Helper()
	done := make(chan error, 1)
	every := time.NewTicker(betweenEntries)
	defer every.Stop()
	began := time.Now()
	go func() { done <- f() }()
	for ; ; <-every.C {
		entry := fill.next()
		before := time.Now()
		m.Apply([]*raft.Log{entry})
		stall = max(stall, time.Since(before))
		select {
		case err := <-done:
			if err != nil {
				fill.t.Fatal(err)
			}
			return stall, time.Since(began)
		default:
		}
	}
}

// copiedBytes returns how much of a snapshot takes room of its own, and how much it has.
func copiedBytes(t *testing.T, state, snapshot string) (copied, total int64) {
	t.Helper()
	files, err := os.ReadDir(snapshot)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		info, err := file.Info()
		if err != nil {
			t.Fatal(err)
		}
		total += info.Size()
		other, err := os.Stat(filepath.Join(state, file.Name()))
		if filepath.Ext(file.Name()) == ".sst" && (err != nil || os.SameFile(info, other)) {
			continue // shared, or only the snapshot's by now because the state has been compacted
		}
		copied += info.Size()
	}
	return copied, total
}
