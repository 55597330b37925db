package snapshot

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/cockroachdb/errors/oserror"
)

// receivedFolder has the files that have come of a transfer that broke off, so that the next one need not bring them again.
// There is one such folder, and what a sender does not offer any more is removed from it.
const receivedFolder = "received" + unfinished

// receivingFolder, empty, is in an unfinished snapshot that comes from another node.
const receivingFolder = "receiving"

func (s *Store) received() string { return s.fs.PathJoin(s.dir, receivedFolder) }

// keep moves the files of a folder to those that have been received.
func (s *Store) keep(dir string) error {
	names, err := s.fs.List(dir)
	if oserror.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := s.fs.MkdirAll(s.received(), 0o700); err != nil {
		return err
	}
	for _, name := range names {
		err = errors.Join(err, s.fs.Rename(s.fs.PathJoin(dir, name), s.fs.PathJoin(s.received(), name)))
	}
	return err
}

// receives notes that a snapshot begins to come from another node, or has ended.
func (s *Store) receives(more int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.receiving += more
	close(s.ended)
	s.ended = make(chan struct{})
}

// settle waits until no snapshot is coming from another node.
func (s *Store) settle(ctx context.Context) error {
	for {
		s.mu.Lock()
		coming, ended := s.receiving, s.ended
		s.mu.Unlock()
		if coming == 0 {
			return nil
		}
		select {
		case <-ended:
		case <-ctx.Done():
			return fmt.Errorf("another snapshot is still coming: %w", context.Cause(ctx))
		}
	}
}

// Kept returns which of the files that a snapshot has that is about to be sent are here already, with their SHA-256, and removes
// all others that are. A sender may notice that a transfer has broken off before this node does: what is still coming is waited
// for.
func (s *Store) Kept(ctx context.Context, offered []File) (map[string][sha256.Size]byte, error) {
	if err := s.settle(ctx); err != nil {
		return nil, err
	}
	names, err := s.fs.List(s.received())
	if oserror.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	sizes := map[string]int64{}
	for _, f := range offered {
		sizes[f.Name] = f.Size
	}
	has := map[string][sha256.Size]byte{}
	for _, name := range names {
		path := s.fs.PathJoin(s.received(), name)
		info, err := s.fs.Stat(path)
		if err != nil {
			return nil, err
		}
		if size, ok := sizes[name]; !ok || size != info.Size() {
			if err := s.fs.Remove(path); err != nil {
				return nil, err
			}
			continue
		}
		file, err := s.fs.Open(path)
		if err != nil {
			return nil, err
		}
		sum, err := digest(file)
		if err := errors.Join(err, file.Close()); err != nil {
			return nil, err
		}
		has[name] = sum
	}
	return has, nil
}
