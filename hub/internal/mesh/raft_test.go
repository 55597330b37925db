package mesh

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// A member is a node's part in a Raft group over the mesh. It is the group's state machine, too: all entries in a row.
type member struct {
	raft      *raft.Raft
	transport *raft.NetworkTransport
	node      *node
	ballast   []byte // makes snapshots large

	mu       sync.Mutex
	log      bytes.Buffer // guarded by mu
	restored int          // guarded by mu; snapshots
}

func (m *member) Apply(l *raft.Log) any {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.log.Write(l.Data)
	return nil
}

func (m *member) Snapshot() (raft.FSMSnapshot, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return image{m.ballast, bytes.Clone(m.log.Bytes())}, nil
}

func (m *member) Restore(r io.ReadCloser) error {
	all, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(all, m.ballast) {
		return fmt.Errorf("a snapshot of %d bytes is damaged", len(all))
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.log.Reset()
	m.log.Write(all[len(m.ballast):])
	m.restored++
	return r.Close()
}

func (m *member) sum() (sum [32]byte, length, restored int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return sha256.Sum256(m.log.Bytes()), m.log.Len(), m.restored
}

type image struct{ ballast, log []byte }

func (i image) Persist(sink raft.SnapshotSink) error {
	for _, part := range [][]byte{i.ballast, i.log} {
		if _, err := sink.Write(part); err != nil {
			return err
		}
	}
	return sink.Close()
}

func (image) Release() {}

const (
	heartbeatTimeout = time.Second // Raft's default
	ballastSize      = 20 << 20
)

// form makes a Raft group of all nodes.
func (r *region) form(group uint32, ballast []byte) []*member {
	r.t.Helper()
	var servers []raft.Server
	for _, n := range r.nodes {
		servers = append(servers, raft.Server{ID: raft.ServerID(n.name), Address: raft.ServerAddress(n.name)})
	}
	var members []*member
	for _, n := range r.nodes {
		m := &member{node: n, ballast: ballast}
		logger := hclog.New(&hclog.LoggerOptions{Output: &n.log, Level: hclog.Warn})
		m.transport = raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
			Stream: n.StreamLayer(group), MaxPool: 3, MaxRPCsInFlight: 1, Timeout: 5 * time.Second, Logger: logger,
		})
		config := raft.DefaultConfig()
		config.LocalID, config.Logger = raft.ServerID(n.name), logger
		config.HeartbeatTimeout, config.ElectionTimeout, config.LeaderLeaseTimeout = heartbeatTimeout, heartbeatTimeout, heartbeatTimeout/2
		config.TrailingLogs, config.SnapshotThreshold = 2, 1<<30 // snapshots when the test says so
		store := raft.NewInmemStore()
		snapshots := raft.NewInmemSnapshotStore()
		if err := raft.BootstrapCluster(config, store, store, snapshots, m.transport, raft.Configuration{Servers: servers}); err != nil {
			r.t.Fatal(err)
		}
		var err error
		if m.raft, err = raft.NewRaft(config, m, store, store, snapshots, m.transport); err != nil {
			r.t.Fatal(err)
		}
		members = append(members, m)
	}
	return members
}

func (m *member) shutdown(t *testing.T) {
	t.Helper()
	if err := m.raft.Shutdown().Error(); err != nil {
		t.Error(err)
	}
	if err := m.transport.Close(); err != nil {
		t.Error(err)
	}
}

// within polls, in virtual time, until ok holds.
func within(t *testing.T, limit time.Duration, what string, ok func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !ok() {
		if time.Since(began) > limit {
			t.Fatalf("not within %v: %s", limit, what)
		}
		tick := time.NewTimer(5 * time.Millisecond)
		<-tick.C
		synctest.Wait()
	}
	return time.Since(began)
}

func leaderOf(members []*member) *member {
	for _, m := range members {
		if m.raft.State() == raft.Leader && m.raft.VerifyLeader().Error() == nil {
			return m
		}
	}
	return nil
}

// others returns all members but one.
func others(members []*member, one *member) (rest []*member) {
	for _, m := range members {
		if m != one {
			rest = append(rest, m)
		}
	}
	return rest
}

func agree(members []*member, length int) bool {
	first, n, _ := members[0].sum()
	for _, m := range members {
		if sum, _, _ := m.sum(); sum != first {
			return false
		}
	}
	return n == length
}

// publish proposes size bytes in entries of 32 KiB and waits for them.
func (m *member) publish(t *testing.T, random *rand.Rand, size int) {
	t.Helper()
	var futures []raft.ApplyFuture
	for range size / (32 << 10) {
		entry := make([]byte, 32<<10)
		for i := range entry {
			entry[i] = byte(random.Uint32())
		}
		futures = append(futures, m.raft.Apply(entry, 0))
	}
	for _, f := range futures {
		if err := f.Error(); err != nil {
			t.Fatal(err)
		}
	}
}

// A Raft group over the mesh elects, replicates, installs a snapshot at a follower that was cut off, and survives losing
// its leader and getting it back.
func TestRaftOverTheMesh(t *testing.T) {
	inRegion(t, 3, func(t *testing.T, r *region) {
		random := rand.New(rand.NewPCG(1, 2))
		members := r.form(1, bytes.Repeat([]byte("ballast!"), ballastSize/8))
		defer func() {
			for _, m := range members {
				m.shutdown(t)
			}
		}()
		elected := within(t, 10*time.Second, "a leader", func() bool { return leaderOf(members) != nil })
		leader := leaderOf(members)
		leader.publish(t, random, 1<<20)
		within(t, 5*time.Second, "1 MiB everywhere", func() bool { return agree(members, 1<<20) })

		stranded := others(members, leader)[0]
		r.isolate(stranded.node, true)
		within(t, 5*time.Second, "its connections have ended", func() bool { return stranded.node.connections() == 0 })
		leader.publish(t, random, 1<<20)
		if err := leader.raft.Snapshot().Error(); err != nil {
			t.Fatal(err)
		}
		r.isolate(stranded.node, false)
		caughtUp := within(t, 30*time.Second, "the stranded follower has all", func() bool { return agree(members, 2<<20) })
		if _, _, restored := stranded.sum(); restored != 1 {
			t.Errorf("%d snapshots were restored, want 1", restored)
		}

		r.isolate(leader.node, true)
		rest := others(members, leader)
		var successor *member
		moved := within(t, 10*time.Second, "another leader", func() bool { successor = leaderOf(rest); return successor != nil })
		successor.publish(t, random, 1<<20)
		r.isolate(leader.node, false)
		healed := within(t, 10*time.Second, "the old leader has all", func() bool { return agree(members, 3<<20) })
		t.Logf("virtual time: elected in %v, 20 MiB snapshot and more in %v, another leader in %v, healed in %v", elected, caughtUp, moved, healed)
	})
}
