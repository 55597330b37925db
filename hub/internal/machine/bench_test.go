package machine_test

import (
	"crypto/rand"
	"fmt"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"weir/hub/internal/entry"
	"weir/hub/internal/machine"
	"weir/hub/internal/placement"
	"weir/hub/internal/shard"
	"weir/hub/internal/store"
	"weir/proto/logpb"
	"weir/proto/producer"
	"weir/proto/weirpb"
)

// A load is what entries have of publications of 200 bytes: perEntry each, of the publishers in turn, of whom each has a
// channel among so many.
type load struct {
	publishers, channels, perEntry int
	// followed is whether all channels are, as on the node that leads.
	followed bool
	// state is whether publications have one of 1,000 keys, on state channels.
	state bool
}

// BenchmarkApply is what each node of a group does for an event beside writing its log, until it is in tables on disk.
// Processor time counts, of all that the process does but for making the entries: other work on the machine leaves it alone.
// With -benchtime 300000x and more the tables are merged, too.
func BenchmarkApply(b *testing.B) {
	for _, l := range []load{
		{publishers: 256, channels: 16, perEntry: 64},
		{publishers: 1024, channels: 64, perEntry: 80},
		{publishers: 1024, channels: 64, perEntry: 80, followed: true},
		{publishers: 50_000, channels: 10_000, perEntry: 80},
		{publishers: 256, channels: 16, perEntry: 80, state: true},
		{publishers: 64, channels: 64, perEntry: 4},
	} {
		name := fmt.Sprintf("publishers=%d/channels=%d/entry=%d/followed=%v/state=%v", l.publishers, l.channels, l.perEntry, l.followed, l.state)
		b.Run(name, func(b *testing.B) { benchmarkApply(b, l) })
	}
}

func benchmarkApply(b *testing.B, l load) {
	runtime.LockOSThread() // entries are made on this thread, whose time is subtracted
	defer runtime.UnlockOSThread()
	s, err := store.Open(b.TempDir(), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	m, err := machine.New(machine.Config{
		Store: s, Shards: []placement.Shard{1}, Followed: func(shard.ChannelID) bool { return l.followed },
		OnApplied: func(machine.Applied) {}, OnFailed: func(err error) { b.Error(err) },
	})
	if err != nil {
		b.Fatal(err)
	}
	f := newFlood(b, l)
	b.ReportAllocs()
	b.ResetTimer()
	began := cpu(b, syscall.RUSAGE_SELF)
	var making, longest time.Duration
	for done := 0; done < b.N; done += l.perEntry {
		before := cpu(b, syscall.RUSAGE_THREAD)
		e := f.next()
		made := cpu(b, syscall.RUSAGE_THREAD)
		making += made - before
		m.Apply([]*raft.Log{e})
		longest = max(longest, cpu(b, syscall.RUSAGE_THREAD)-made)
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	spent := cpu(b, syscall.RUSAGE_SELF) - began - making
	b.ReportMetric(float64(spent.Nanoseconds())/float64(b.N), "cpu-ns/event")
	// Of the entry that took longest: the one that has what was put off written.
	b.ReportMetric(float64(longest.Microseconds())/1000, "longest-cpu-ms")
}

// A flood makes entries of a load.
type flood struct {
	b        *testing.B
	load     load
	index    uint64
	now      time.Time
	all      []*weirpb.Publication
	settings *logpb.Settings
}

func newFlood(b *testing.B, l load) *flood {
	f := &flood{b: b, load: l, now: time.Now(), all: make([]*weirpb.Publication, l.publishers)}
	f.settings = &logpb.Settings{
		TenantId: 1, Kind: weirpb.ChannelKind_CHANNEL_KIND_LOG, WindowAgeMs: 600_000, WindowBytes: 64 << 20,
		WindowCount: 1_000_000, Keys: 1000, DedupeAgeMs: 600_000,
	}
	for i := range f.all {
		f.all[i] = &weirpb.Publication{
			Channel: fmt.Sprintf("chat:room-%d", i%l.channels), Payload: randomly(200), Producer: producer.New(f.now, rand.Reader),
		}
		if l.state {
			f.settings.Kind = weirpb.ChannelKind_CHANNEL_KIND_STATE
			f.all[i].Key = fmt.Sprintf("key-%d", i%1000)
		}
	}
	return f
}

func (f *flood) next() *raft.Log {
	e := &logpb.Entry{Shard: 1, TimeMs: f.now.UnixMilli() + int64(f.index)}
	if f.index == 0 {
		e.Command = &logpb.Entry_InitShard{InitShard: &logpb.InitShard{BaseEpoch: 1}}
	} else {
		c := &logpb.Append{Settings: []*logpb.Settings{f.settings}}
		for i := range f.load.perEntry {
			p := f.all[(int(f.index)*f.load.perEntry+i)%len(f.all)]
			p.Sequence++
			c.Submissions = append(c.Submissions, &logpb.Submission{Publication: p})
		}
		e.Command = &logpb.Entry_Append{Append: c}
	}
	encoded, err := entry.Encode(e)
	if err != nil {
		f.b.Fatal(err)
	}
	f.index++
	return &raft.Log{Index: f.index, Data: encoded}
}

// cpu returns how much processor time has been spent, by the process or by this thread.
func cpu(b *testing.B, who int) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// randomly returns bytes that do not compress.
func randomly(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}
