package machine_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"weir/hub/internal/entry"
	"weir/hub/internal/machine"
	"weir/hub/internal/placement"
	"weir/hub/internal/run"
	"weir/hub/internal/store"
	"weir/proto/logpb"
	"weir/proto/producer"
	"weir/proto/weirpb"
)

// node is a machine in memory.
type node struct {
	*machine.Machine
	store *store.Store
	// outcomes has what was told of each entry.
	outcomes map[uint64]string
	failed   error
}

func open(t testing.TB, fs vfs.FS) *node {
	t.Helper()
	s, err := store.Open("state", store.Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	n := &node{store: s, outcomes: map[uint64]string{}}
	n.Machine, err = machine.New(machine.Config{
		Store: s, Control: true, Shards: []placement.Shard{1},
		OnApplied: func(a machine.Applied) { n.outcomes[a.Index] = describe(a) },
		OnFailed:  func(err error) { n.failed = err },
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// describe says what an entry did, in a form that can be compared.
func describe(a machine.Applied) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v", a.Answer)
	for _, o := range a.Outcomes {
		fmt.Fprintf(&b, "; %v %d %d %d %v %v", o.Channel, o.Epoch, o.Offset, o.TimeMs, o.Duplicate, o.Fault)
	}
	return b.String()
}

func (n *node) close(t testing.TB) {
	t.Helper()
	if err := n.store.Close(); err != nil {
		t.Fatal(err)
	}
}

// contents lists all rows, and events each on its own: how they are divided depends on when they were written.
func (n *node) contents(t testing.TB) (all []string) {
	t.Helper()
	err := n.store.View(func(r store.Reader) error {
		return r.Scan(nil, nil, func(key, body []byte) (bool, error) {
			if !strings.HasPrefix(string(key), "S\x00\x00\x00\x01e") {
				all = append(all, fmt.Sprintf("%q=%x", key, body))
				return true, nil
			}
			for e, err := range run.Events(body) {
				if err != nil {
					return false, err
				}
				all = append(all, fmt.Sprintf("%q: %x", key[:len(key)-8], e))
			}
			return true, nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// entries makes a log of n entries of all kinds that depends on nothing but the seed.
func entries(t testing.TB, seed uint64, n int) []*raft.Log {
	t.Helper()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	now := int64(100_000_000)
	var logs []*raft.Log
	index := uint64(0)
	for i := range n {
		now += r.Int64N(2_000)
		index += 1 + r.Uint64N(2) // raft has entries of its own between
		e := &logpb.Entry{TimeMs: now, Proposal: r.Uint64(), Shard: 1}
		switch k := r.IntN(20); {
		case i == 0:
			e.Command = &logpb.Entry_InitShard{InitShard: &logpb.InitShard{BaseEpoch: 5}}
		case k < 12:
			e.Command = &logpb.Entry_Append{Append: drawAppend(r, now)}
		case k < 14:
			e.Command = &logpb.Entry_Trim{Trim: drawTrim(r, now)}
		case k == 14:
			e.Command = &logpb.Entry_DropTenant{DropTenant: &logpb.DropTenant{TenantId: 1 + r.Uint64N(30)}}
		default:
			e.Command = &logpb.Entry_Control{Control: drawControl(r)}
		}
		data, err := entry.Encode(e)
		if err != nil {
			t.Fatal(err)
		}
		logs = append(logs, &raft.Log{Index: index, Type: raft.LogCommand, Data: data})
	}
	return logs
}

func drawSettings(r *rand.Rand) []*logpb.Settings {
	var all []*logpb.Settings
	for tenant := uint64(1); tenant <= 3; tenant++ {
		for _, kind := range []weirpb.ChannelKind{weirpb.ChannelKind_CHANNEL_KIND_LOG, weirpb.ChannelKind_CHANNEL_KIND_STATE} {
			all = append(all, &logpb.Settings{
				TenantId: tenant, Kind: kind, WindowAgeMs: 30_000, WindowBytes: 3_000, WindowCount: 1 + r.Uint64N(60),
				Keys: 4, DedupeAgeMs: 30_000,
			})
		}
	}
	return all
}

func drawAppend(r *rand.Rand, now int64) *logpb.Append {
	c := &logpb.Append{Settings: drawSettings(r)}
	for range 1 + r.IntN(20) {
		n := r.Uint32N(uint32(len(c.Settings)))
		p := &weirpb.Publication{Channel: []string{"log", "map"}[n%2], Payload: make([]byte, r.IntN(80))}
		if n%2 == 1 {
			p.Key, p.Tombstone = fmt.Sprint(r.IntN(6)), r.IntN(4) == 0
		}
		if r.IntN(2) == 0 {
			who := r.IntN(3)
			p.Producer = producer.New(time.UnixMilli(now-now%20_000), strings.NewReader(fmt.Sprintf("%016d", who)))
			p.Sequence = 1 + r.Uint64N(12)
		}
		c.Submissions = append(c.Submissions, &logpb.Submission{Settings: n, Publication: p})
	}
	return c
}

func drawTrim(r *rand.Rand, now int64) *logpb.Trim {
	c := &logpb.Trim{Settings: drawSettings(r)}
	for range r.IntN(5) {
		c.Due = append(c.Due, &logpb.Due{
			Settings: r.Uint32N(3), DueMs: now - r.Int64N(10_000), TenantId: 1 + r.Uint64N(3), Channel: "log",
		})
	}
	return c
}

func drawControl(r *rand.Rand) *logpb.ControlCommand {
	tenant := fmt.Sprintf("t%d", r.IntN(3))
	module := []byte{byte(r.IntN(3))}
	digest := sha256.Sum256(module)
	switch r.IntN(8) {
	case 0, 1:
		return &logpb.ControlCommand{Command: &logpb.ControlCommand_CreateTenant{CreateTenant: &logpb.CreateTenant{Name: tenant}}}
	case 2:
		return &logpb.ControlCommand{Command: &logpb.ControlCommand_DeleteTenant{DeleteTenant: &logpb.DeleteTenant{Name: tenant}}}
	case 3:
		return &logpb.ControlCommand{Command: &logpb.ControlCommand_PutNamespace{PutNamespace: &logpb.PutNamespace{
			Namespace: &weirpb.Namespace{Tenant: tenant, Name: "chat", WindowCount: r.Uint64N(5)},
		}}}
	case 4:
		return &logpb.ControlCommand{Command: &logpb.ControlCommand_PutChunk{PutChunk: &logpb.PutChunk{Digest: digest[:], Data: module}}}
	case 5:
		return &logpb.ControlCommand{Command: &logpb.ControlCommand_CommitFilter{CommitFilter: &logpb.CommitFilter{
			Tenant: tenant, Name: "f", Digest: digest[:], Chunks: 1, SizeBytes: 1,
		}}}
	case 6:
		return &logpb.ControlCommand{Command: &logpb.ControlCommand_TenantDropped{TenantDropped: &logpb.TenantDropped{TenantId: r.Uint64N(9)}}}
	}
	return &logpb.ControlCommand{Command: &logpb.ControlCommand_CreateApiKey{CreateApiKey: &logpb.CreateApiKey{
		Record: &logpb.ApiKeyRecord{ApiKey: &weirpb.ApiKey{Tenant: tenant, Id: fmt.Sprint(r.Uint32())}},
	}}}
}

// apply applies logs in batches of random size.
func (n *node) apply(t testing.TB, r *rand.Rand, logs []*raft.Log) {
	t.Helper()
	for len(logs) > 0 {
		k := 1 + r.IntN(min(8, len(logs)))
		n.Apply(logs[:k])
		logs = logs[k:]
		if n.failed != nil {
			t.Fatal(n.failed)
		}
	}
}

func TestSameLogMakesSameBytes(t *testing.T) {
	for seed := range uint64(5) {
		logs := entries(t, seed, 300)
		one, other := open(t, vfs.NewMem()), open(t, vfs.NewMem())
		one.apply(t, rand.New(rand.NewPCG(seed, 1)), logs)
		other.apply(t, rand.New(rand.NewPCG(seed, 2)), logs)
		if a, b := one.contents(t), other.contents(t); !slices.Equal(a, b) {
			t.Errorf("seed %d: the stores differ: %d and %d rows", seed, len(a), len(b))
		}
		for index, said := range one.outcomes {
			if other.outcomes[index] != said {
				t.Fatalf("seed %d: entry %d: %s, elsewhere %s", seed, index, said, other.outcomes[index])
			}
		}
		one.close(t)
		other.close(t)
	}
}

// TestCrashAtAnyPointLosesNothing cuts a machine off after any batch, with any part of what was not synced on disk, and
// has the log replayed from its beginning.
func TestCrashAtAnyPointLosesNothing(t *testing.T) {
	for seed := range uint64(3) {
		logs := entries(t, seed, 80)
		whole := open(t, vfs.NewMem())
		whole.apply(t, rand.New(rand.NewPCG(seed, 1)), logs)
		want := whole.contents(t)

		disk := vfs.NewCrashableMem()
		n := open(t, disk)
		r := rand.New(rand.NewPCG(seed, 2))
		for done := 0; done < len(logs); {
			k := min(1+r.IntN(12), len(logs)-done)
			n.apply(t, r, logs[done:done+k])
			done += k
			if r.IntN(3) == 0 {
				if err := n.store.Flush(); err != nil {
					t.Fatal(err)
				}
			}
			crashed := open(t, disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: r.IntN(101), RNG: r}))
			for index, said := range replay(t, crashed, r, logs) {
				if whole.outcomes[index] != said {
					t.Fatalf("seed %d, crash after %d entries: entry %d: %s, at first %s", seed, done, index, said, whole.outcomes[index])
				}
			}
			if got := crashed.contents(t); !slices.Equal(got, want) {
				t.Fatalf("seed %d, crash after %d entries: the stores differ", seed, done)
			}
			crashed.close(t)
		}
		n.close(t)
		whole.close(t)
	}
}

func replay(t testing.TB, n *node, r *rand.Rand, logs []*raft.Log) map[uint64]string {
	t.Helper()
	n.apply(t, r, logs)
	return n.outcomes
}

func TestCheckpointHasAllThatWasApplied(t *testing.T) {
	logs := entries(t, 9, 100)
	fs := vfs.NewMem()
	n := open(t, fs)
	defer n.close(t)
	n.apply(t, rand.New(rand.NewPCG(1, 1)), logs[:60])
	if n.Logged() == 0 {
		t.Error("no bytes were counted")
	}
	if err := n.Checkpoint("copy"); err != nil {
		t.Fatal(err)
	}
	if n.Logged() != 0 {
		t.Errorf("%d bytes are counted after the checkpoint", n.Logged())
	}
	n.apply(t, rand.New(rand.NewPCG(1, 2)), logs[60:])
	want := n.contents(t)
	err := n.Replace(func(_ vfs.FS, dir string) error {
		_, err := vfs.Clone(fs, fs, "copy", dir)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if n.Applied() != logs[59].Index {
		t.Fatalf("applied is %d, want %d", n.Applied(), logs[59].Index)
	}
	n.apply(t, rand.New(rand.NewPCG(1, 3)), logs)
	if !slices.Equal(n.contents(t), want) {
		t.Error("the state differs from that before")
	}
}

func TestDamagedEntryStopsTheMachine(t *testing.T) {
	n := open(t, vfs.NewMem())
	defer n.close(t)
	logs := entries(t, 1, 10)
	logs[5].Data[20] ^= 1
	n.Apply(logs[:5])
	n.Apply(logs[5:])
	if !errors.Is(n.failed, entry.ErrCorrupt) || n.Applied() != logs[4].Index {
		t.Errorf("the machine stops at %d with %v", n.Applied(), n.failed)
	}
}

func TestUnknownCommandStopsTheMachine(t *testing.T) {
	n := open(t, vfs.NewMem())
	defer n.close(t)
	newer, err := entry.Encode(&logpb.Entry{Shard: 1})
	if err != nil {
		t.Fatal(err)
	}
	n.Apply([]*raft.Log{{Index: 1, Type: raft.LogCommand, Data: newer}})
	if n.failed == nil || !strings.Contains(n.failed.Error(), "newer") {
		t.Fatalf("the machine says %v", n.failed)
	}
	logs := entries(t, 1, 3)
	if a := n.Apply(logs)[0]; a != machine.ErrFailed {
		t.Errorf("a later entry is answered %v", a)
	}
	if n.Applied() != 0 || n.Checkpoint("copy") == nil {
		t.Error("the machine went on")
	}
}
