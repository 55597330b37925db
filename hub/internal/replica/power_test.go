package replica_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"weir/hub/internal/entry"
	"weir/hub/internal/machine"
	"weir/hub/internal/placement"
	"weir/hub/internal/replica"
	"weir/hub/internal/shard"
	"weir/hub/internal/simnet"
	"weir/hub/internal/store"
	"weir/proto/logpb"
	"weir/proto/weirpb"
)

// A disk is a node's. When it has been made durable so many times as fuse says, power fails in the whole region.
type disk struct {
	vfs.FS
	region *powered
}

func (d disk) file(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return durable{f, d.region}, nil
}

func (d disk) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return d.file(d.FS.Create(name, c))
}

func (d disk) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	return d.file(d.FS.OpenReadWrite(name, c, o...))
}

func (d disk) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return d.file(d.FS.ReuseForWrite(from, to, c))
}

func (d disk) OpenDir(name string) (vfs.File, error) { return d.file(d.FS.OpenDir(name)) }

type durable struct {
	vfs.File
	region *powered
}

func (f durable) Sync() error {
	f.region.burn()
	return f.File.Sync()
}

func (f durable) SyncData() error {
	f.region.burn()
	return f.File.SyncData()
}

// powered is a region whose nodes have one source of power.
type powered struct {
	t     *testing.T
	rng   *rand.Rand
	names []string

	mu sync.Mutex
	// disks have what the nodes write. left has what a power failure has left of them, nil before it. Guarded by mu.
	disks, left map[string]*vfs.MemFS
	// fuse is how many times something is yet made durable. Guarded by mu.
	fuse int
	// acknowledged has the offsets of what was, by payload, and known what was when power failed. Guarded by mu.
	acknowledged, known map[string]uint64
}

// burn fails the power when the fuse has burnt down.
func (p *powered) burn() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fuse--
	if p.fuse == 0 {
		p.fail()
	}
}

// fail requires mu. What is acknowledged later does not count: nobody can have heard of it.
func (p *powered) fail() {
	p.known = maps.Clone(p.acknowledged)
	p.left = map[string]*vfs.MemFS{}
	for _, name := range p.names {
		p.left[name] = p.disks[name].CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: p.rng.IntN(3) * 40, RNG: p.rng})
	}
}

// A lived is one node between two power failures.
type lived struct {
	machine *machine.Machine
	store   *store.Store
	replica *replica.Replica

	mu       sync.Mutex
	outcomes map[uint64]uint64 // offsets by proposal; guarded by mu
}

var channel = shard.ChannelID{Tenant: 1, Name: "c"}

func (p *powered) start(name string, net *simnet.Network) (*lived, error) {
	n := &lived{outcomes: map[uint64]uint64{}}
	fs := disk{p.disks[name], p}
	var err error
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	if n.store, err = store.Open("hub/group/state", store.Options{FS: fs}); err != nil {
		return n, err
	}
	n.machine, err = machine.New(machine.Config{
		Store: n.store, Shards: []placement.Shard{1},
		OnApplied: func(a machine.Applied) {
			n.mu.Lock()
			defer n.mu.Unlock()
			for _, o := range a.Outcomes {
				n.outcomes[a.Proposal] = o.Offset
			}
		},
		OnFailed: func(err error) { p.t.Errorf("%s: %v", name, err) },
	})
	if err != nil {
		return n, err
	}
	c := replica.Config{
		FS: fs, Dir: "hub/group", NodeID: name, Logger: quiet, Machine: n.machine, Found: p.names, SegmentBytes: 8 << 10,
		Check: func(dir string) error { return store.Check(fs, dir) },
	}
	if len(p.names) > 1 {
		c.Streams = func() raft.StreamLayer { return net.Node(name).StreamLayer(1) }
	}
	if n.replica, err = replica.Open(c); err != nil {
		n.replica = nil
	}
	return n, err
}

func (n *lived) stop(t *testing.T) {
	t.Helper()
	if n.replica != nil {
		if err := n.replica.Close(); err != nil {
			t.Error(err)
		}
	}
	if n.store != nil {
		if err := n.store.Close(); err != nil {
			t.Error(err)
		}
	}
}

// encoded makes an entry. A proposal of 0 begins the shard.
func encoded(t *testing.T, proposal uint64) []byte {
	t.Helper()
	e := &logpb.Entry{TimeMs: int64(1000 + proposal), Proposal: proposal, Shard: 1}
	if proposal == 0 {
		e.Command = &logpb.Entry_InitShard{InitShard: &logpb.InitShard{BaseEpoch: 5}}
	} else {
		e.Command = &logpb.Entry_Append{Append: &logpb.Append{
			Settings:    []*logpb.Settings{{TenantId: 1, Kind: weirpb.ChannelKind_CHANNEL_KIND_LOG, WindowAgeMs: 1 << 40, WindowBytes: 1 << 40, WindowCount: 1 << 40}},
			Submissions: []*logpb.Submission{{Publication: &weirpb.Publication{Channel: channel.Name, Payload: strconv.AppendUint(nil, proposal, 10)}}},
		}}
	}
	data, err := entry.Encode(e)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// electionPatience is for what takes a second where nothing else wants the processors.
const electionPatience = time.Minute

// lives has the nodes live until power fails, while numbered events are published and snapshots made.
func (p *powered) lives(first uint64) (next uint64) {
	net := simnet.New()
	nodes := map[string]*lived{}
	defer func() {
		for _, n := range nodes {
			n.stop(p.t)
		}
	}()
	for _, name := range p.names {
		n, err := p.start(name, net)
		nodes[name] = n
		if err != nil {
			p.t.Errorf("%s does not start: %v", name, err)
			return first
		}
	}
	checked := false
	impatient := time.After(electionPatience)
	for next = first; ; {
		if p.dark() {
			return next
		}
		leader := leaderOf(nodes)
		if leader == nil || leader.replica.Barrier() != nil {
			select {
			case <-time.After(time.Millisecond): // raft's elections take real time
			case <-impatient:
				p.t.Fatal("nobody leads")
			}
			continue
		}
		impatient = time.After(electionPatience)
		if !checked {
			p.check(leader)
			checked = true
		}
		if base, err := shard.NewReader(leader.store, 1).BaseEpoch(); err == nil && base == 0 {
			_ = leader.replica.Propose(encoded(p.t, 0)).Error() // it is looked again
			continue
		}
		p.mu.Lock() // power may fail at any moment, and that draws too
		snapshots := p.rng.IntN(15) == 0
		p.mu.Unlock()
		if snapshots {
			for _, n := range nodes {
				_ = n.replica.Snapshot() // power may fail meanwhile
			}
		}
		next++
		if leader.replica.Propose(encoded(p.t, next)).Error() == nil {
			leader.mu.Lock()
			offset := leader.outcomes[next]
			leader.mu.Unlock()
			p.mu.Lock()
			p.acknowledged[fmt.Sprint(next)] = offset
			p.mu.Unlock()
		}
	}
}

// newDisk returns one that has the folder "hub".
func newDisk(t *testing.T) *vfs.MemFS {
	t.Helper()
	fs := vfs.NewCrashableMem()
	if err := fs.MkdirAll("hub", 0o700); err != nil {
		t.Fatal(err)
	}
	root, err := fs.OpenDir("/")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(root.Sync(), root.Close()); err != nil {
		t.Fatal(err)
	}
	return fs
}

func (p *powered) dark() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.left != nil || p.t.Failed()
}

func leaderOf(nodes map[string]*lived) *lived {
	for _, n := range nodes {
		if n.replica.Leads() {
			return n
		}
	}
	return nil
}

// check compares what a leader has with what had been acknowledged.
func (p *powered) check(leader *lived) {
	at := map[string]uint64{}
	last := uint64(0)
	reader := shard.NewReader(leader.store, 1)
	for {
		_, page, err := reader.Events(channel, last, shard.Page{Count: 1000, Bytes: 1 << 20})
		if err != nil {
			p.t.Error(err)
			return
		}
		if len(page) == 0 {
			break
		}
		for _, e := range page {
			if e.GetOffset() != last+1 {
				p.t.Errorf("offset %d comes after %d", e.GetOffset(), last)
			}
			if before, twice := at[string(e.GetPayload())]; twice {
				p.t.Errorf("%s is at %d and %d", e.GetPayload(), before, e.GetOffset())
			}
			last = e.GetOffset()
			at[string(e.GetPayload())] = last
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for payload, offset := range p.known {
		if at[payload] != offset {
			p.t.Errorf("%s was acknowledged at %d and is at %d of %d", payload, offset, at[payload], last)
		}
	}
	p.acknowledged = at // what is here has been committed
}

// TestPowerFails drops what has not been made durable, all of it or a random part, on all nodes at once, whenever it is:
// while they start, write, make snapshots or rebuild their states from them. What was acknowledged is there afterwards,
// once, at its place.
func TestPowerFails(t *testing.T) {
	for _, nodes := range []int{1, 3} {
		t.Run(fmt.Sprint(nodes, " nodes"), func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			p := &powered{t: t, rng: rand.New(rand.NewPCG(seed, 1)), disks: map[string]*vfs.MemFS{}}
			for i := range nodes {
				p.names = append(p.names, fmt.Sprint("hub-", i+1))
				p.disks[p.names[i]] = newDisk(t)
			}
			next := uint64(0)
			for round := 0; round < 24/(1+nodes) && !t.Failed(); round++ {
				p.mu.Lock()
				p.fuse, p.left = 20+p.rng.IntN(400*nodes), nil
				p.acknowledged = maps.Clone(p.known) // nobody has heard of more
				if p.acknowledged == nil {
					p.acknowledged = map[string]uint64{}
				}
				p.mu.Unlock()
				next = p.lives(next)
				if p.left == nil {
					break // it has failed
				}
				p.disks = p.left
				if p.rng.IntN(3) == 0 { // a state that is gone is rebuilt from the snapshot and the log
					name := p.names[p.rng.IntN(nodes)]
					if err := p.disks[name].RemoveAll("hub/group/state"); err != nil {
						t.Fatal(err)
					}
				}
			}
			if len(p.known) < 20 {
				t.Errorf("%d acknowledgements are too few to show anything", len(p.known))
			}
			t.Logf("%d of %d were acknowledged before the last failure", len(p.known), next)
		})
	}
}
