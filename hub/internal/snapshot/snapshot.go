// Package snapshot keeps Raft snapshots that are checkpoints of the state: folders of hard links, made without rewriting
// data. To another node a snapshot travels as a tar stream (POSIX.1-1988 ustar) of the folder's files.
package snapshot

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

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
type Store struct{ dir string }

var _ raft.SnapshotStore = (*Store)(nil)

// Open opens or makes the folder and removes what a crash has left unfinished.
func Open(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder for snapshots: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list snapshots: %w", err)
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), unfinished) {
			if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
				return nil, fmt.Errorf("remove an unfinished snapshot: %w", err)
			}
		}
	}
	return &Store{dir: dir}, nil
}

// List returns the snapshots, newest first.
func (s *Store) List() ([]*raft.SnapshotMeta, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("list snapshots: %w", err)
	}
	var all []*raft.SnapshotMeta
	for _, e := range entries {
		if !e.IsDir() || strings.HasSuffix(e.Name(), unfinished) {
			continue
		}
		meta, err := s.meta(e.Name())
		if err != nil {
			return nil, err
		}
		all = append(all, meta)
	}
	slices.SortFunc(all, func(a, b *raft.SnapshotMeta) int { return int(int64(b.Index) - int64(a.Index)) })
	return all, nil
}

func (s *Store) meta(id string) (*raft.SnapshotMeta, error) {
	encoded, err := os.ReadFile(filepath.Join(s.dir, id, metaFile))
	if err != nil {
		return nil, fmt.Errorf("read snapshot %s: %w", id, err)
	}
	meta := &raft.SnapshotMeta{}
	if err := json.Unmarshal(encoded, meta); err != nil {
		return nil, fmt.Errorf("read snapshot %s: %w", id, err)
	}
	return meta, nil
}

// Open returns a snapshot as a stream, for another node or for Unpack.
func (s *Store) Open(id string) (*raft.SnapshotMeta, io.ReadCloser, error) {
	if filepath.Base(id) != id {
		return nil, nil, fmt.Errorf("%q is no snapshot", id)
	}
	meta, err := s.meta(id)
	if err != nil {
		return nil, nil, err
	}
	stream, size, err := pack(filepath.Join(s.dir, id, stateFolder))
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
	dir := filepath.Join(s.dir, meta.ID+unfinished)
	if err := errors.Join(os.RemoveAll(dir), os.MkdirAll(dir, 0o700)); err != nil {
		return nil, fmt.Errorf("begin a snapshot: %w", err)
	}
	return &Sink{store: s, meta: meta, dir: dir}, nil
}

// prune removes all snapshots but the one named.
func (s *Store) prune(keep string) error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Name() != keep && !strings.HasSuffix(e.Name(), unfinished) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(s.dir, e.Name())))
		}
	}
	return err
}

// syncDir makes the names in a folder durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
