package machine_test

import (
	"crypto/rand"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/raft"

	"weir/hub/internal/entry"
	"weir/hub/internal/machine"
	"weir/hub/internal/placement"
	"weir/hub/internal/store"
	"weir/proto/logpb"
	"weir/proto/producer"
	"weir/proto/weirpb"
)

// BenchmarkApply applies entries of 64 publications each, of 256 publishers in turn on 16 channels of one shard: what each
// node of a group does for an event beside writing its log. CPU time counts, which other work on the machine leaves alone.
func BenchmarkApply(b *testing.B) {
	const publishers, channels, perEntry = 256, 16, 64
	s, err := store.Open(b.TempDir(), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	m, err := machine.New(machine.Config{
		Store: s, Shards: []placement.Shard{1}, OnApplied: func(machine.Applied) {}, OnFailed: func(err error) { b.Error(err) },
	})
	if err != nil {
		b.Fatal(err)
	}
	now := time.Now()
	var all [publishers]*weirpb.Publication
	for i := range all {
		all[i] = &weirpb.Publication{
			Channel: fmt.Sprintf("chat:room-%d", i%channels), Payload: randomly(200), Producer: producer.New(now, rand.Reader),
		}
	}
	settings := &logpb.Settings{
		TenantId: 1, Kind: weirpb.ChannelKind_CHANNEL_KIND_LOG, WindowAgeMs: 600_000, WindowBytes: 64 << 20,
		WindowCount: 1_000_000, Keys: 5, DedupeAgeMs: 600_000,
	}
	var index uint64
	apply := func(e *logpb.Entry) {
		encoded, err := entry.Encode(e)
		if err != nil {
			b.Fatal(err)
		}
		index++
		b.StartTimer()
		m.Apply([]*raft.Log{{Index: index, Data: encoded}})
		b.StopTimer()
	}
	b.StopTimer()
	apply(&logpb.Entry{Shard: 1, Command: &logpb.Entry_InitShard{InitShard: &logpb.InitShard{BaseEpoch: 1}}})
	b.ReportAllocs()
	b.ResetTimer()
	b.StopTimer()
	var spent time.Duration
	for done := 0; done < b.N; done += perEntry {
		c := &logpb.Append{Settings: []*logpb.Settings{settings}}
		for i := range perEntry {
			p := all[(done+i)%publishers]
			p.Sequence++
			c.Submissions = append(c.Submissions, &logpb.Submission{Publication: p})
		}
		before := cpu(b)
		apply(&logpb.Entry{
			Shard: 1, TimeMs: now.UnixMilli() + int64(done/perEntry), Command: &logpb.Entry_Append{Append: c},
		})
		spent += cpu(b) - before
	}
	b.ReportMetric(float64(spent.Nanoseconds())/float64(b.N), "cpu-ns/event")
}

func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
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
