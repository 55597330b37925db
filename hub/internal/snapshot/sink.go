package snapshot

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hashicorp/raft"
)

// A Sink is a snapshot that is being made: on this node by Fill, or by Write with the stream that another node sends.
type Sink struct {
	store  *Store
	meta   *raft.SnapshotMeta
	dir    string
	stream *os.File // nil until the first Write
	done   bool
}

var _ raft.SnapshotSink = (*Sink)(nil)

// ID names the snapshot.
func (s *Sink) ID() string { return s.meta.ID }

// Fill lets checkpoint make the folder that it is given, which is not there yet.
func (s *Sink) Fill(checkpoint func(dir string) error) error {
	return checkpoint(filepath.Join(s.dir, stateFolder))
}

// Write takes a part of the stream.
func (s *Sink) Write(p []byte) (int, error) {
	if s.stream == nil {
		f, err := os.OpenFile(filepath.Join(s.dir, "stream"), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
		if err != nil {
			return 0, fmt.Errorf("receive a snapshot: %w", err)
		}
		s.stream = f
	}
	return s.stream.Write(p)
}

// Close makes the snapshot durable and declares it, and removes older ones.
func (s *Sink) Close() error {
	if s.done {
		return nil
	}
	if err := s.finish(); err != nil {
		return errors.Join(fmt.Errorf("finish snapshot %s: %w", s.meta.ID, err), s.Cancel())
	}
	s.done = true
	return s.store.prune(s.meta.ID)
}

func (s *Sink) finish() error {
	if s.stream != nil {
		if err := s.unpack(); err != nil {
			return err
		}
	}
	encoded, err := json.Marshal(s.meta)
	if err != nil {
		return err
	}
	if err := writeSynced(filepath.Join(s.dir, metaFile), encoded); err != nil {
		return err
	}
	if err := syncDir(s.dir); err != nil {
		return err
	}
	final := filepath.Join(s.store.dir, s.meta.ID)
	if err := errors.Join(os.RemoveAll(final), os.Rename(s.dir, final)); err != nil {
		return err
	}
	return syncDir(s.store.dir)
}

func (s *Sink) unpack() error {
	if _, err := s.stream.Seek(0, 0); err != nil {
		return err
	}
	if err := Unpack(s.stream, filepath.Join(s.dir, stateFolder)); err != nil {
		return err
	}
	name := s.stream.Name()
	err := s.stream.Close()
	s.stream = nil
	return errors.Join(err, os.Remove(name))
}

// Cancel gives the snapshot up.
func (s *Sink) Cancel() error {
	if s.done {
		return nil
	}
	s.done = true
	var err error
	if s.stream != nil {
		err = s.stream.Close()
		s.stream = nil
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

func writeSynced(name string, content []byte) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Sync(), f.Close())
}
