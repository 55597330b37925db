package replica

import (
	"errors"

	"github.com/hashicorp/raft"
	wal "github.com/hashicorp/raft-wal"
)

// ReadLog reads all entries of this node's log, as a log that is not read is never found corrupt, and tells of the size of
// each. What it finds is told by Broken; it returns when the replica has been parked then.
func (r *Replica) ReadLog(each func(bytes int) error) error {
	l := r.life.Load()
	if l == nil {
		return raft.ErrRaftShutdown
	}
	first, err := l.log.FirstIndex()
	if err != nil {
		return err
	}
	last, err := l.log.LastIndex()
	if err != nil {
		return err
	}
	for index := first; index <= last && last > 0; index++ {
		var entry raft.Log
		err := l.log.ReadLog(index, &entry)
		switch {
		case errors.Is(err, raft.ErrLogNotFound):
			continue // it has been removed meanwhile, from the beginning or the end
		case errors.Is(err, wal.ErrClosed), r.life.Load() != l:
			return raft.ErrRaftShutdown
		case err != nil:
			return err
		}
		if err := each(len(entry.Data) + len(entry.Extensions)); err != nil {
			return err
		}
	}
	return nil
}

// LogBytes returns how many bytes this node's log takes on disk.
func (r *Replica) LogBytes() uint64 {
	return uint64(r.feeding.logBytes(r.settings.FS.PathJoin(r.settings.Dir, "log")))
}
