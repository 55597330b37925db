// Package snapshot keeps Raft snapshots that are checkpoints of the state: folders of hard links, made without rewriting
// data. To another node a snapshot travels as a tar stream (POSIX.1-1988 ustar) of the folder's files.
package snapshot

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
)

// A snapshot is the folder ID with the file meta.json and the folder state; one that is being made ends in ".part".
const (
	metaFile    = "meta.json"
	stateFolder = "state"
	unfinished  = ".part"
)

// A Store is a folder of snapshots. It keeps the newest only: an older one would hold on to the disk space of all that
// has been trimmed since.
type Store struct {
	fs    vfs.FS
	dir   string
	check func(dir string) error // may be nil

	mu sync.Mutex
	// receiving counts the snapshots that are coming from other nodes. Guarded by mu.
	receiving int
	// ended is closed, and replaced, when one of them ends. Guarded by mu.
	ended chan struct{}
}

var _ raft.SnapshotStore = (*Store)(nil)

// Open opens or makes the folder and removes what a crash has left unfinished. check looks at a snapshot's files before they
// are used, for this node or another; nil: nobody does.
func Open(fs vfs.FS, dir string, check func(dir string) error) (*Store, error) {
	if err := fs.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder for snapshots: %w", err)
	}
	names, err := fs.List(dir)
	if err != nil {
		return nil, fmt.Errorf("list snapshots: %w", err)
	}
	s := &Store{fs: fs, dir: dir, check: check, ended: make(chan struct{})}
	for _, name := range names {
		if !strings.HasSuffix(name, unfinished) || name == receivedFolder {
			continue
		}
		// Of one that was being received there are files that need not come again; one that was being made has nothing else.
		path := fs.PathJoin(dir, name)
		if _, missing := fs.Stat(fs.PathJoin(path, receivingFolder)); missing == nil {
			err = s.keep(fs.PathJoin(path, stateFolder))
		}
		if err := errors.Join(err, fs.RemoveAll(path)); err != nil {
			return nil, fmt.Errorf("remove an unfinished snapshot: %w", err)
		}
	}
	return s, nil
}

// List returns the snapshots, newest first.
func (s *Store) List() ([]*raft.SnapshotMeta, error) {
	names, err := s.fs.List(s.dir)
	if err != nil {
		return nil, fmt.Errorf("list snapshots: %w", err)
	}
	var all []*raft.SnapshotMeta
	for _, name := range names {
		if strings.HasSuffix(name, unfinished) {
			continue
		}
		meta, err := s.meta(name)
		if err != nil {
			return nil, err
		}
		all = append(all, meta)
	}
	slices.SortFunc(all, func(a, b *raft.SnapshotMeta) int { return int(int64(b.Index) - int64(a.Index)) })
	return all, nil
}

func (s *Store) meta(id string) (*raft.SnapshotMeta, error) {
	encoded, err := readFile(s.fs, s.fs.PathJoin(s.dir, id, metaFile))
	if err != nil {
		return nil, fmt.Errorf("read snapshot %s: %w", id, err)
	}
	meta := &raft.SnapshotMeta{}
	if err := json.Unmarshal(encoded, meta); err != nil {
		return nil, fmt.Errorf("read snapshot %s: %w", id, err)
	}
	return meta, nil
}

// State returns the folder of a snapshot's state.
func (s *Store) State(id string) string { return s.fs.PathJoin(s.dir, id, stateFolder) }

// Open returns a snapshot as a stream, for another node or for Unpack.
func (s *Store) Open(id string) (*raft.SnapshotMeta, io.ReadCloser, error) {
	if filepath.Base(id) != id {
		return nil, nil, fmt.Errorf("%q is no snapshot", id)
	}
	dir := s.State(id)
	if s.check != nil {
		if err := s.check(dir); err != nil {
			return nil, nil, fmt.Errorf("snapshot %s: %w", id, err)
		}
	}
	meta, err := s.meta(id)
	if err != nil {
		return nil, nil, err
	}
	stream, size, err := pack(s.fs, dir)
	if err != nil {
		return nil, nil, fmt.Errorf("open snapshot %s: %w", id, err)
	}
	meta.Size = size
	return meta, stream, nil
}

// Create begins a snapshot.
func (s *Store) Create(version raft.SnapshotVersion, index, term uint64, configuration raft.Configuration, configurationIndex uint64, _ raft.Transport) (raft.SnapshotSink, error) {
	if version != 1 {
		return nil, fmt.Errorf("snapshots of version %d are not supported", version)
	}
	meta := &raft.SnapshotMeta{
		Version: version, ID: fmt.Sprintf("%d-%020d", term, index), Index: index, Term: term,
		Configuration: configuration, ConfigurationIndex: configurationIndex,
	}
	dir := s.fs.PathJoin(s.dir, meta.ID+unfinished)
	if err := errors.Join(s.fs.RemoveAll(dir), s.fs.MkdirAll(dir, 0o700)); err != nil {
		return nil, fmt.Errorf("begin a snapshot: %w", err)
	}
	return &Sink{store: s, meta: meta, dir: dir}, nil
}

// prune removes all snapshots but the one named, and what was received of others.
func (s *Store) prune(keep string) error {
	names, err := s.fs.List(s.dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if name != keep && (!strings.HasSuffix(name, unfinished) || name == receivedFolder) {
			err = errors.Join(err, s.fs.RemoveAll(s.fs.PathJoin(s.dir, name)))
		}
	}
	return err
}

// syncDir makes the names in a folder durable.
func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func readFile(fs vfs.FS, name string) ([]byte, error) {
	f, err := fs.Open(name)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(f)
	return content, errors.Join(err, f.Close())
}
