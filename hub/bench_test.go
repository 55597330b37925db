package hub

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"

	"weir/proto/weirpb"
)

// eventBytes is the size of a benchmark's payloads.
const eventBytes = 200

// BenchmarkPublish has publishers that each wait for the receipt of one event before they send the next. "bare" is Raft
// with its log on the same disk and a state machine that does nothing, one event an entry: what there is to beat.
func BenchmarkPublish(b *testing.B) {
	for _, publishers := range []int{1, 64, 1024} {
		b.Run(fmt.Sprintf("hub/publishers=%d", publishers), func(b *testing.B) {
			h := withTenant(b, Config{})
			payload := make([]byte, eventBytes)
			hammer(b, publishers, func(publisher int, done func(error)) {
				p := &weirpb.Publication{Channel: fmt.Sprintf("chat:%d", publisher%64), Payload: payload}
				h.Publish("acme", p, func(_ *weirpb.Receipt, err error) { done(err) })
			})
		})
		b.Run(fmt.Sprintf("bare/publishers=%d", publishers), func(b *testing.B) {
			r := bareRaft(b)
			payload := make([]byte, eventBytes)
			hammer(b, publishers, func(_ int, done func(error)) { done(r.Apply(payload, time.Minute).Error()) })
		})
	}
}

// hammer spreads b.N publications over publishers.
func hammer(b *testing.B, publishers int, publish func(publisher int, done func(error))) {
	b.Helper()
	b.ReportAllocs()
	b.ResetTimer()
	var all sync.WaitGroup
	for i := range publishers {
		n := b.N / publishers
		if i < b.N%publishers {
			n++
		}
		all.Go(func() {
			answers := make(chan error, 1)
			for range n {
				publish(i, func(err error) { answers <- err })
				if err := <-answers; err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

type noMachine struct{ raft.MockFSM }

func (*noMachine) Apply(*raft.Log) any { return nil }

func bareRaft(b *testing.B) *raft.Raft {
	b.Helper()
	dir := b.TempDir()
	l, err := wal.Open(dir, wal.WithLogger(hclog.NewNullLogger()))
	if err != nil {
		b.Fatal(err)
	}
	address, transport := raft.NewInmemTransport("bare")
	config := raft.DefaultConfig()
	config.LocalID = "bare"
	config.Logger = hclog.NewNullLogger()
	config.BatchApplyCh = true
	config.HeartbeatTimeout, config.ElectionTimeout, config.LeaderLeaseTimeout = 50*time.Millisecond, 50*time.Millisecond, 50*time.Millisecond
	snapshots, err := raft.NewFileSnapshotStoreWithLogger(filepath.Join(dir, "snapshots"), 1, hclog.NewNullLogger())
	if err != nil {
		b.Fatal(err)
	}
	one := raft.Configuration{Servers: []raft.Server{{ID: "bare", Address: address}}}
	if err := raft.BootstrapCluster(config, l, l, snapshots, transport, one); err != nil {
		b.Fatal(err)
	}
	r, err := raft.NewRaft(config, &noMachine{}, l, l, snapshots, transport)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := r.Shutdown().Error(); err != nil {
			b.Error(err)
		}
		if err := l.Close(); err != nil {
			b.Error(err)
		}
	})
	for leads := range r.LeaderCh() {
		if leads {
			break
		}
	}
	return r
}

// BenchmarkRestart opens a hub whose state has to be replayed from the log, until it serves.
func BenchmarkRestart(b *testing.B) {
	dir := b.TempDir()
	h := withTenant(b, Config{Dir: dir})
	var done sync.WaitGroup
	const events = 20_000
	for i := range events {
		done.Add(1)
		p := &weirpb.Publication{Channel: fmt.Sprintf("chat:%d", i%64), Payload: make([]byte, eventBytes)}
		h.Publish("acme", p, func(_ *weirpb.Receipt, err error) {
			defer done.Done()
			if err != nil {
				b.Error(err)
			}
		})
		if i%1000 == 0 {
			done.Wait() // entries of many sizes, and no full queue
		}
	}
	done.Wait()
	if err := h.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		b.StopTimer()
		if err := os.RemoveAll(filepath.Join(dir, "state")); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		h, err := Open(b.Context(), Config{Dir: dir, Logger: testLogger()})
		if err != nil {
			b.Fatal(err)
		}
		if err := h.Ready(b.Context()); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := h.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(float64(b.N*events)/b.Elapsed().Seconds(), "replayed/s")
}
