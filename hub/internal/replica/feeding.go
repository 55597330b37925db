package replica

import (
	"context"
	"crypto/sha256"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"weir/hub/internal/snapshot"
)

// Bounds of sending snapshots to nodes that are too far behind.
const (
	// feedRate bounds how fast a snapshot is sent, in bytes a second: a gigabit link is left some room for what is live.
	feedRate = 64 << 20
	// feedGrace is how long the entries that follow a snapshot are kept after it has been sent: for taking it over.
	feedGrace = time.Minute
	// feedLogBytes bounds the log that is kept for that. A node that is still behind then gets another snapshot.
	feedLogBytes = 1 << 30
	// feedReport is how often progress is logged.
	feedReport = 5 * time.Second
)

// offerTimeout is how long a node may take to say what it has of a snapshot: it reads all of that.
const offerTimeout = 30 * time.Second

// A Feed is a snapshot on its way to another node.
type Feed struct {
	Node string
	// Sent, of Size, and what the node has Kept of an earlier attempt, which counts as sent, are in bytes.
	Sent, Size, Kept int64
	Began            time.Time
}

// Rate returns how many bytes a second have been sent.
func (f Feed) Rate() uint64 {
	took := time.Since(f.Began).Seconds()
	if took <= 0 {
		return 0
	}
	return uint64(float64(f.Sent-f.Kept) / took)
}

// KeptFiles returns which files of a snapshot that is offered are here already, with their SHA-256.
func (r *Replica) KeptFiles(ctx context.Context, offered []snapshot.File) (map[string][sha256.Size]byte, error) {
	l := r.life.Load()
	if l == nil {
		return nil, raft.ErrRaftShutdown
	}
	return l.snapshots.Kept(ctx, offered)
}

// feeding knows to whom snapshots are sent, so that the log keeps what those nodes need next: without that a node whose
// transfer takes longer than the group fills its log would be sent one snapshot after another.
type feeding struct {
	fs      vfs.FS
	log     *slog.Logger
	segment int64
	// offer asks a node what it has of a snapshot. May be nil.
	offer func(ctx context.Context, node string, files []snapshot.File) (map[string][sha256.Size]byte, error)

	mu sync.Mutex
	// feeds are on their way or were lately, by node. Guarded by mu.
	feeds map[string]*feed
}

type feed struct {
	Feed
	index uint64    // of the snapshot
	until time.Time // when its grace ends; zero while it is on its way
}

func (f *feeding) init(c Config) {
	f.fs, f.log, f.segment, f.feeds, f.offer = c.FS, c.Logger, int64(c.SegmentBytes), map[string]*feed{}, c.Offer
}

// keep returns the first entry that somebody needs next, 0 if nobody does or the log is too long to wait for them.
func (f *feeding) keep(dir string) uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	var first uint64
	for node, one := range f.feeds {
		if !one.until.IsZero() && time.Now().After(one.until) {
			delete(f.feeds, node)
			continue
		}
		if first == 0 || one.index+1 < first {
			first = one.index + 1
		}
	}
	if first != 0 && f.logBytes(dir) > feedLogBytes {
		f.log.Warn("the log is too long to be kept for a node that is sent a snapshot: it may need another one")
		return 0
	}
	return first
}

func (f *feeding) logBytes(dir string) int64 {
	names, err := f.fs.List(dir)
	if err != nil {
		return 0
	}
	var sum int64
	for _, name := range names {
		if strings.HasSuffix(name, ".wal") {
			sum += f.segment
		}
	}
	return sum
}

// Feeds lists the snapshots that are on their way.
func (r *Replica) Feeds() []Feed {
	r.feeding.mu.Lock()
	defer r.feeding.mu.Unlock()
	var all []Feed
	for _, one := range r.feeding.feeds {
		if one.until.IsZero() {
			all = append(all, one.Feed)
		}
	}
	return all
}

func (f *feeding) begin(node string, index uint64, size int64) *feed {
	f.mu.Lock()
	defer f.mu.Unlock()
	one := &feed{Feed: Feed{Node: node, Size: size, Began: time.Now()}, index: index}
	f.feeds[node] = one
	return one
}

func (f *feeding) sent(one *feed, n int) (sent int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	one.Sent += int64(n)
	return one.Sent
}

// resume counts what need not be sent.
func (f *feeding) resume(one *feed, kept int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	one.Sent, one.Kept, one.Began = kept, kept, time.Now()
}

// leaveOut has a stream leave out what the node has of it, and returns the request for the rest.
func (f *feeding) leaveOut(one *feed, args *raft.InstallSnapshotRequest, data io.Reader) (*raft.InstallSnapshotRequest, error) {
	stream, ok := data.(*snapshot.Stream)
	if !ok || f.offer == nil {
		return args, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), offerTimeout)
	defer cancel()
	has, err := f.offer(ctx, one.Node, stream.Files())
	if err != nil || len(has) == 0 {
		return args, nil // all of it is sent
	}
	size, kept, err := stream.Keep(has)
	if err != nil {
		return nil, err
	}
	rest := *args
	rest.Size = size
	f.resume(one, kept)
	return &rest, nil
}

func (f *feeding) end(one *feed) {
	f.mu.Lock()
	defer f.mu.Unlock()
	one.until = time.Now().Add(feedGrace)
}

// A feedingTransport paces snapshots and says how they get on.
type feedingTransport struct {
	feeding *feeding
	*raft.NetworkTransport
}

// InstallSnapshot sends a snapshot.
func (t *feedingTransport) InstallSnapshot(id raft.ServerID, target raft.ServerAddress, args *raft.InstallSnapshotRequest, resp *raft.InstallSnapshotResponse, data io.Reader) error {
	f := t.feeding
	log := f.log.With("to", string(id), "index", args.LastLogIndex, "bytes", args.Size)
	one := f.begin(string(id), args.LastLogIndex, args.Size)
	defer f.end(one)
	args, err := f.leaveOut(one, args, data)
	if err != nil {
		return err
	}
	log.Info("sending a snapshot", "kept from before", one.Kept)
	p := &pacer{from: data, feeding: f, feed: one, log: log, reported: one.Began}
	if err := t.NetworkTransport.InstallSnapshot(id, target, args, resp, p); err != nil {
		log.Warn("the snapshot could not be sent, it is tried again", "error", err)
		return err
	}
	log.Info("the snapshot has arrived", "took", time.Since(one.Began).Round(time.Millisecond))
	return nil
}

// A pacer reads no faster than feedRate.
type pacer struct {
	from     io.Reader
	feeding  *feeding
	feed     *feed
	log      *slog.Logger
	reported time.Time
}

// Read reads a part, after as long as it may take.
func (p *pacer) Read(b []byte) (int, error) {
	n, err := p.from.Read(b)
	sent := p.feeding.sent(p.feed, n)
	now := time.Now()
	if now.Sub(p.reported) >= feedReport {
		p.reported = now
		p.log.Info("sending a snapshot", "sent", sent)
	}
	due := p.feed.Began.Add(time.Duration(float64(sent-p.feed.Kept) / feedRate * float64(time.Second)))
	if wait := due.Sub(now); wait > time.Millisecond {
		time.Sleep(wait)
	}
	return n, err
}
