package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"

	"weir/hub/internal/apikey"
	"weir/hub/internal/control"
	"weir/hub/internal/datadir"
	"weir/hub/internal/placement"
	"weir/hub/internal/region"
	"weir/hub/internal/shard"
	"weir/hub/internal/snapshot"
	"weir/hub/internal/store"
)

// Target says what to make of an archive. Dir and NodeID are required.
type Target struct {
	// Dir becomes the data folder. It is made if it is missing, and may hold nothing but certificates.
	Dir string
	// NodeID names the new region's first node.
	NodeID string
	// NewEpochs gives all channels epochs that nobody has a cursor of: whoever reads on is told of a gap and begins anew.
	NewEpochs bool
	// Logger receives what Pebble has to say. Nil: nobody does.
	Logger *slog.Logger
}

// Restored is what has been made.
type Restored struct {
	*Manifest
	// RegionID is that of the new region.
	RegionID string
	// AdminKey is the file with its operator's key.
	AdminKey string
}

// Restore makes an archive the data folder of the first node of a new region: its shards, channels, epochs and offsets are
// those of the archive, but its id, its node and its first operator's key are new. Other nodes join it; no other is
// restored from the archive, for it would be of another region.
//
// Everything in the archive is checked as Verify does. Until the end of it has been read and found right there is no data
// folder that a hub would open. The errors are or wrap those of this package or of datadir, or are r's.
func Restore(ctx context.Context, r io.Reader, t Target) (_ *Restored, err error) {
	if t.Logger == nil {
		t.Logger = slog.New(slog.DiscardHandler)
	}
	f, err := claim(t.Dir)
	if err != nil {
		return nil, err
	}
	a := &restoring{ctx: ctx, target: t, folder: f}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.closeGroup(), f.abandon())
		}
	}()
	m, err := read(r, a, checker{})
	if err != nil {
		return nil, err
	}
	founded, err := a.found(m)
	if err != nil {
		return nil, fmt.Errorf("describe the new region: %w", err)
	}
	if err := f.finish(); err != nil {
		return nil, err
	}
	return &Restored{Manifest: m, RegionID: founded.ID, AdminKey: filepath.Join(t.Dir, "admin.key")}, nil
}

// batchBytes is how much is written at once.
const batchBytes = 1 << 20

// A restoring makes the state of each group from the rows of an archive.
type restoring struct {
	ctx    context.Context
	target Target
	folder *folder
	// raise is what epochs are raised by.
	raise uint64

	// Of the group at hand.
	group Group
	store *store.Store
	batch *store.Batch
	size  int
}

var _ receiver = (*restoring)(nil)

func (a *restoring) header(h Header) error {
	if a.target.NewEpochs {
		// Base epochs are times at which shards began. Milliseconds are more than the tenants deleted since, which epochs
		// count as well.
		a.raise = uint64(max(1, time.Now().UnixMilli()))
	}
	return os.Mkdir(filepath.Join(a.folder.part, "groups"), 0o700)
}

func (a *restoring) dir() string {
	return filepath.Join(a.folder.part, "groups", strconv.Itoa(int(a.group.Group)))
}

func (a *restoring) begin(g Group) (err error) {
	a.group = g
	if err := os.Mkdir(a.dir(), 0o700); err != nil {
		return err
	}
	a.store, err = store.Open(filepath.Join(a.dir(), "state"), store.Options{Logger: a.target.Logger})
	if err != nil {
		return err
	}
	a.batch, a.size = a.store.NewBatch(), 0
	return nil
}

func (a *restoring) row(key, value []byte) (err error) {
	switch {
	case placement.Group(a.group.Group) == placement.Control:
		err = a.rewrite(key, value, control.Refound)
	case a.raise > 0:
		err = a.rewrite(key, value, func(key, body []byte) ([]byte, bool, error) {
			renewed, err := shard.Renew(placement.Shard(a.group.Group), key, body, a.raise)
			return renewed, true, err
		})
	default:
		err = a.batch.PutSealed(key, value)
	}
	if err != nil {
		return err
	}
	if a.size += len(key) + len(value); a.size < batchBytes {
		return nil
	}
	return a.commit()
}

// rewrite stores a row as change wants it.
func (a *restoring) rewrite(key, value []byte, change func(key, body []byte) (changed []byte, keep bool, err error)) error {
	body, err := store.Unseal(key, value)
	if err != nil {
		return err
	}
	changed, keep, err := change(key, body)
	if err != nil || !keep {
		return err
	}
	return a.batch.Put(key, changed)
}

func (a *restoring) commit() error {
	if a.ctx.Err() != nil {
		return context.Cause(a.ctx)
	}
	b := a.batch
	a.batch, a.size = a.store.NewBatch(), 0
	return a.store.Commit(b)
}

// end makes the group one that goes on after the archive's last entry: its log is empty and its snapshot has all before, so
// that nodes which join are sent the snapshot.
func (a *restoring) end(g Group) error {
	if err := a.commit(); err != nil {
		return err
	}
	if placement.Group(g.Group) == placement.Control {
		if _, err := control.Open(a.store); err != nil {
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
	}
	if err := a.declare(g); err != nil {
		return err
	}
	return a.closeGroup()
}

// declare makes the state the group's snapshot. Its term is that with which the new region's elections begin.
func (a *restoring) declare(g Group) error {
	snapshots, err := snapshot.Open(vfs.Default, filepath.Join(a.dir(), "snapshots"), nil)
	if err != nil {
		return err
	}
	self := raft.Server{ID: raft.ServerID(a.target.NodeID), Address: raft.ServerAddress(a.target.NodeID)}
	sink, err := snapshots.Create(1, g.Index, 1, raft.Configuration{Servers: []raft.Server{self}}, g.Index, nil)
	if err != nil {
		return err
	}
	if err := sink.(*snapshot.Sink).Fill(a.store.Checkpoint); err != nil {
		return errors.Join(fmt.Errorf("store group %d: %w", g.Group, err), sink.Cancel())
	}
	return sink.Close()
}

func (a *restoring) closeGroup() error {
	if a.store == nil {
		return nil
	}
	err := errors.Join(a.batch.Discard(), a.store.Close())
	a.store, a.batch = nil, nil
	return err
}

// found writes who the node is and which region it begins.
func (a *restoring) found(m *Manifest) (region.Region, error) {
	dir := a.folder.part
	node, err := region.EnsureNode(dir, a.target.NodeID)
	if err != nil {
		return region.Region{}, err
	}
	key := apikey.New()
	if err := datadir.WriteFile(filepath.Join(dir, "admin.key"), []byte(key.String()+"\n"), 0o600); err != nil {
		return region.Region{}, fmt.Errorf("write the operator's key: %w", err)
	}
	r := region.Found([]region.Founder{{Node: node, KeyID: key.ID, KeySHA256: key.Hash()}}, m.Shards)
	if err := r.Save(dir); err != nil {
		return region.Region{}, err
	}
	return r, datadir.WriteFormat(dir)
}
