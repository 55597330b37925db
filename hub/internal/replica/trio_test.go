package replica_test

import (
	"io"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"weir/hub/internal/replica"
	"weir/hub/internal/simnet"
)

// A heldFS is a disk that makes the log's entries durable when it is let, and nothing any more once power has failed.
type heldFS struct {
	vfs.FS
	takes func() time.Duration // how long entries take; nil: no time
	full  atomic.Bool          // no room for another segment

	mu sync.Mutex
	// opened is closed when entries are made durable again, nil for at once. Guarded by mu.
	opened chan struct{}
	dead   bool // guarded by mu
}

func (fs *heldFS) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	f, err := fs.FS.OpenReadWrite(name, c, o...)
	return heldFile{f, fs, strings.HasSuffix(name, ".wal")}, err
}

func (fs *heldFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	if fs.full.Load() && strings.HasSuffix(name, ".wal") {
		return nil, syscall.ENOSPC
	}
	return fs.FS.Create(name, c)
}

func (fs *heldFS) hold() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	fs.opened = make(chan struct{})
}

func (fs *heldFS) release() {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.opened != nil {
		close(fs.opened)
		fs.opened = nil
	}
}

// fail ends the power, after which nothing is durable that is not yet, and does something at that moment.
func (fs *heldFS) fail(then func()) {
	fs.mu.Lock()
	fs.dead = true
	then()
	fs.mu.Unlock()
	fs.release()
}

// alive does something if power has not failed.
func (fs *heldFS) alive(do func()) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if !fs.dead {
		do()
	}
}

type heldFile struct {
	vfs.File
	fs      *heldFS
	entries bool
}

func (f heldFile) SyncData() error {
	if f.entries {
		f.wait()
	}
	err := error(syscall.EIO)
	f.fs.alive(func() { err = f.File.SyncData() })
	return err
}

func (f heldFile) wait() {
	if f.fs.takes != nil {
		time.Sleep(f.fs.takes())
	}
	f.fs.mu.Lock()
	opened := f.fs.opened
	f.fs.mu.Unlock()
	if opened != nil {
		<-opened
	}
}

// A trio is a group of three nodes in virtual time, whose machines forget everything when they end.
type trio struct {
	t     *testing.T
	net   *simnet.Network
	names []string
	nodes map[string]*third // those that live
	disks map[string]*vfs.MemFS
	takes func() time.Duration
	rng   *rand.Rand // nil: nothing is left of what was not durable
}

type third struct {
	*replica.Replica
	fs      *heldFS
	machine *fakeMachine
}

func newTrio(t *testing.T, rng *rand.Rand, takes func() time.Duration) *trio {
	t.Helper()
	g := &trio{rng: rng, takes: takes, t: t, net: simnet.New(), names: []string{"hub-1", "hub-2", "hub-3"}, nodes: map[string]*third{}, disks: map[string]*vfs.MemFS{}}
	for _, name := range g.names {
		g.start(name, newDisk(t))
	}
	return g
}

func (g *trio) start(name string, disk *vfs.MemFS) {
	g.t.Helper()
	g.nodes[name] = g.open(name, disk)
}

func (g *trio) open(name string, disk *vfs.MemFS) *third {
	g.t.Helper()
	n := &third{fs: &heldFS{FS: disk, takes: g.takes}, machine: &fakeMachine{}}
	g.disks[name] = disk
	r, err := replica.Open(replica.Config{
		FS: n.fs, Dir: "hub/group", NodeID: name, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Machine: n.machine,
		Found: g.names, SegmentBytes: 8 << 10, Streams: func() raft.StreamLayer { return g.net.Node(name).StreamLayer(1) },
	})
	if err != nil {
		g.t.Fatal(err)
	}
	n.Replica = r
	return n
}

func (g *trio) end(name string) {
	g.t.Helper()
	closeReplica(g.t, g.nodes[name].Replica)
	delete(g.nodes, name)
}

func (g *trio) stop() {
	g.t.Helper()
	for name, n := range g.nodes {
		n.fs.release()
		g.end(name)
	}
}

// leader waits until a node leads, and returns it and the others.
func (g *trio) leader() (leader string, others []string) {
	g.t.Helper()
	for range 1000 {
		for _, name := range g.names {
			if n := g.nodes[name]; n != nil && n.Leads() && n.Barrier() == nil {
				leader = name
			}
		}
		if leader != "" {
			for _, name := range g.names {
				if name != leader {
					others = append(others, name)
				}
			}
			return leader, others
		}
		time.Sleep(100 * time.Millisecond)
	}
	g.t.Fatal("there is no leader")
	return "", nil
}

// losePower ends a node as a power failure does: what is not durable is gone, and it says nothing any more. It returns what
// is left of its disk.
func (g *trio) losePower(name string, n *third) (left *vfs.MemFS) {
	g.t.Helper()
	n.fs.fail(func() { left = g.disks[name].CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: g.torn(), RNG: g.rng}) })
	for _, other := range g.names {
		if other != name {
			g.net.Part([]string{name}, []string{other})
		}
	}
	if err := n.Close(); err != nil {
		g.t.Logf("%s ends with %v", name, err)
	}
	return left
}

// torn is how much is left of what was not durable, in percent.
func (g *trio) torn() int {
	if g.rng == nil {
		return 0
	}
	return g.rng.IntN(3) * 40
}

// awaitAll waits until all machines have the same, and returns it.
func (g *trio) awaitAll(last string) string {
	g.t.Helper()
	var lists []string
	for range 1000 {
		lists = nil
		same := true
		for _, name := range g.names {
			lists = append(lists, g.nodes[name].machine.list())
			same = same && lists[0] == lists[len(lists)-1]
		}
		if same && (lists[0] == last || strings.HasSuffix(lists[0], " "+last)) {
			return lists[0]
		}
		time.Sleep(100 * time.Millisecond)
	}
	g.t.Fatalf("the machines have %q", lists)
	return ""
}

// proposed proposes an entry, and returns what will have its outcome.
func proposed(n *third, entry string) <-chan error {
	outcome := make(chan error, 1)
	go func() { outcome <- n.Propose([]byte(entry)).Error() }()
	return outcome
}
