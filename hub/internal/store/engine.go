package store

import (
	"io"

	"github.com/cockroachdb/pebble/v2"
)

// An engine keeps rows in the order of their keys: Pebble in a folder, or a Memory. It knows nothing of seals.
type engine interface {
	rows
	// newBatch has room for so many bytes, 0 for few.
	newBatch(bytes int) writer
	snapshot() snapshot
	Flush() error
	checkpoint(dir string) error
	size() uint64
	Close() error
}

// rows are what can be read. Get returns pebble.ErrNotFound for a row that is not there.
type rows interface {
	Get(key []byte) (value []byte, closer io.Closer, err error)
	scan(start, end []byte) (cursor, error)
}

// A snapshot is the rows of one moment.
type snapshot interface {
	rows
	Close() error
}

// A cursor walks over rows.
type cursor interface {
	First() bool
	Next() bool
	Key() []byte
	ValueAndErr() ([]byte, error)
	Close() error
}

// A writer collects changes. The options are Pebble's, which has the widest signature.
type writer interface {
	Set(key, value []byte, _ *pebble.WriteOptions) error
	Delete(key []byte, _ *pebble.WriteOptions) error
	DeleteRange(start, end []byte, _ *pebble.WriteOptions) error
	Empty() bool
	Commit(*pebble.WriteOptions) error
	Close() error
}

// keptBatchBytes is up to which size a batch's memory is used again, until the garbage collector takes it: more than what is put off.
const keptBatchBytes = 8 << 20

// A disk is Pebble in a folder.
type disk struct{ *pebble.DB }

func (d disk) newBatch(bytes int) writer {
	return d.NewBatchWithSize(bytes, pebble.WithMaxRetainedSizeBytes(keptBatchBytes))
}

func (d disk) snapshot() snapshot                     { return diskSnapshot{d.NewSnapshot()} }
func (d disk) scan(start, end []byte) (cursor, error) { return scanPebble(d.DB, start, end) }
func (d disk) checkpoint(dir string) error            { return d.Checkpoint(dir) }
func (d disk) size() uint64                           { return d.Metrics().DiskSpaceUsage() }

type diskSnapshot struct{ *pebble.Snapshot }

func (s diskSnapshot) scan(start, end []byte) (cursor, error) {
	return scanPebble(s.Snapshot, start, end)
}

func scanPebble(r pebble.Reader, start, end []byte) (cursor, error) {
	rows, err := r.NewIter(&pebble.IterOptions{LowerBound: start, UpperBound: end})
	if err != nil {
		return nil, err
	}
	return rows, nil
}
