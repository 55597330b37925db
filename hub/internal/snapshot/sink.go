package snapshot

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft"
)

// category of what is written here, for a file system that counts.
const category vfs.DiskWriteCategory = "raft-snapshot"

// A Sink is a snapshot that is being made: on this node by Fill, or by Write with the stream that another node sends, which
// is unpacked while it comes.
type Sink struct {
	store *Store
	meta  *raft.SnapshotMeta
	dir   string
	done  bool
	// received is true once all of another node's stream has come that ever will.
	received bool

	// stream leads to the goroutine that unpacks, nil until the first Write; unpacked has its result.
	stream   *io.PipeWriter
	unpacked chan error
}

var _ raft.SnapshotSink = (*Sink)(nil)

// ID names the snapshot.
func (s *Sink) ID() string { return s.meta.ID }

func (s *Sink) state() string { return s.store.fs.PathJoin(s.dir, stateFolder) }

// Fill lets checkpoint make the folder that it is given, which is not there yet.
func (s *Sink) Fill(checkpoint func(dir string) error) error { return checkpoint(s.state()) }

// Write takes a part of the stream.
func (s *Sink) Write(p []byte) (int, error) {
	if s.stream == nil {
		if err := s.store.fs.MkdirAll(s.store.fs.PathJoin(s.dir, receivingFolder), 0o700); err != nil {
			return 0, err
		}
		s.store.receives(1)
		var from *io.PipeReader
		from, s.stream = io.Pipe()
		s.unpacked = make(chan error, 1)
		go func() {
			err := unpack(s.store.fs, from, s.state(), s.store.received())
			if err == nil {
				_, err = io.Copy(io.Discard, from) // the padding at the end
			}
			// What follows a failure is refused with it.
			_ = from.CloseWithError(err)
			s.unpacked <- err
		}()
	}
	return s.stream.Write(p)
}

// finishStream waits until what was written is unpacked. why is nil at the stream's end.
func (s *Sink) finishStream(why error) error {
	if s.stream == nil {
		return nil
	}
	_ = s.stream.CloseWithError(why) // never fails
	s.stream = nil
	s.received = true
	return <-s.unpacked
}

// end says that nothing more comes, and that what has come is where it belongs.
func (s *Sink) end() {
	s.done = true
	if s.received {
		s.store.receives(-1)
	}
}

// Close makes the snapshot durable and declares it, and removes older ones.
func (s *Sink) Close() error {
	if s.done {
		return nil
	}
	if err := s.finish(); err != nil {
		return errors.Join(fmt.Errorf("finish snapshot %s: %w", s.meta.ID, err), s.Cancel())
	}
	defer s.end()
	return s.store.prune(s.meta.ID)
}

func (s *Sink) finish() error {
	if err := s.finishStream(nil); err != nil {
		return err
	}
	encoded, err := json.Marshal(s.meta)
	if err != nil {
		return err
	}
	fs := s.store.fs
	if err := fs.RemoveAll(fs.PathJoin(s.dir, receivingFolder)); err != nil {
		return err
	}
	if err := writeSynced(fs, fs.PathJoin(s.dir, metaFile), encoded); err != nil {
		return err
	}
	if err := syncDir(fs, s.dir); err != nil {
		return err
	}
	final := fs.PathJoin(s.store.dir, s.meta.ID)
	if err := errors.Join(fs.RemoveAll(final), fs.Rename(s.dir, final)); err != nil {
		return err
	}
	return syncDir(fs, s.store.dir)
}

var errCancelled = errors.New("the snapshot is given up")

// Cancel gives the snapshot up. The files that have come are kept for the next attempt.
func (s *Sink) Cancel() error {
	if s.done {
		return nil
	}
	defer s.end()
	var err error
	if s.stream != nil {
		_ = s.finishStream(errCancelled) // as was to be expected
		err = s.store.keep(s.state())
	}
	return errors.Join(err, s.store.fs.RemoveAll(s.dir))
}

func writeSynced(fs vfs.FS, name string, content []byte) error {
	f, err := fs.Create(name, category)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Sync(), f.Close())
}
