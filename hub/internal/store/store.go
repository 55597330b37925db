// Package store keeps a hub's replicated state on disk: sealed rows in Pebble, without a write-ahead log of its own, as
// the Raft log is the durable copy.
package store

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// Sizes of Pebble's memory, in bytes, and the format that folders are written in.
const (
	// memTableBytes is how much of the state is lost in a crash at most, per table, and made again from the Raft log. Rows that
	// change often are flushed once per table.
	memTableBytes = 32 << 20
	// memTables is how many there may be, with those that wait for being flushed, before writes stall.
	memTables = 3
	// compactAt is how many layers of flushed tables are merged at once, and stallAt from how many on writes wait: few reads
	// go to them, and merging them more often costs a sixth of all that applying an event does.
	compactAt = 8
	stallAt   = 24
	// bloomBits per key give about 1 % of false positives.
	bloomBits = 10
	// format is fixed, so that a newer library does not write what the one before can't read.
	format = pebble.FormatValueSeparation
)

// uncompressed: what is kept is short-lived and bounded as it is, and compressing each block that is written would take a sixth
// of all that applying an event does.
func uncompressed() *sstable.CompressionProfile { return sstable.NoCompression }

// Options of a Store.
type Options struct {
	// FS is where the folder is. Nil: the operating system's.
	FS vfs.FS
	// Memory has the rows in place of a folder. Nil: they are in the folder.
	Memory *Memory
	Logger *slog.Logger
	// Cache is for blocks, and may be that of other stores too. Nil: a small one of its own.
	Cache *Cache
	// OnCorrupt is called with each corruption that is come upon, by a read or by what Pebble does in the background. May be
	// nil.
	OnCorrupt func(error)
	// ReadOnly is for a checkpoint: nothing can be committed.
	ReadOnly bool
}

// A Store is a folder of rows. Reads may go on beside one writer.
type Store struct {
	dir     string
	options Options

	mu sync.Mutex
	// db is nil while the folder is replaced, and once it is closed. Guarded by mu.
	db engine
	// settle commits what has been put off; see Behind. Guarded by mu.
	settle func() error
	// users is how many calls are using db; idle is signalled when there are none. Guarded by mu.
	users int
	idle  *sync.Cond
}

// ErrClosed says that the store is no longer open.
var ErrClosed = errors.New("the store is closed")

// Open opens or makes the folder dir.
func Open(dir string, o Options) (*Store, error) {
	if o.FS == nil {
		o.FS = vfs.Default
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.OnCorrupt == nil {
		o.OnCorrupt = func(error) {}
	}
	s := &Store{dir: dir, options: o, settle: func() error { return nil }}
	s.idle = sync.NewCond(&s.mu)
	db, err := s.open()
	if err != nil {
		return nil, err
	}
	s.db = db
	return s, nil
}

func (s *Store) open() (engine, error) {
	if s.options.Memory != nil {
		return s.options.Memory, nil
	}
	options := &pebble.Options{
		FS:                          s.options.FS,
		DisableWAL:                  true,
		ReadOnly:                    s.options.ReadOnly,
		FormatMajorVersion:          format,
		MemTableSize:                memTableBytes,
		MemTableStopWritesThreshold: memTables,
		L0CompactionThreshold:       compactAt,
		L0StopWritesThreshold:       stallAt,
		Logger:                      pebbleLogger{s.options.Logger},
		EventListener:               listener(s.options.Logger, s.options.OnCorrupt),
	}
	if s.options.Cache != nil {
		options.Cache = s.options.Cache.blocks
	}
	for i := range options.Levels {
		options.Levels[i].FilterPolicy = bloom.FilterPolicy(bloomBits)
		options.Levels[i].Compression = uncompressed
	}
	db, err := openPebble(s.dir, options)
	if err != nil {
		return nil, fmt.Errorf("open the state in %s: %w", s.dir, err)
	}
	return disk{db}, nil
}

// use returns the database until done is called. It never waits, so that a call may be made within another.
func (s *Store) use() (engine, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return nil, ErrClosed
	}
	s.users++
	return s.db, nil
}

func (s *Store) done() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users--
	if s.users == 0 {
		s.idle.Broadcast()
	}
}

// retire takes the database away from further calls and waits for those that are using it. It returns nil if there is
// none.
func (s *Store) retire() engine {
	s.mu.Lock()
	defer s.mu.Unlock()
	db := s.db
	s.db = nil
	for s.users > 0 {
		s.idle.Wait()
	}
	return db
}

// View calls f with all that has been applied, also what was put off until now. Rows that f reads are valid until it
// returns.
func (s *Store) View(f func(Reader) error) error {
	if err := s.caughtUp(); err != nil {
		return err
	}
	return s.Peek(f)
}

// Peek is View without what has been put off, for who knows what that is.
func (s *Store) Peek(f func(Reader) error) error {
	db, err := s.use()
	if err != nil {
		return err
	}
	defer s.done()
	return s.noted(f(Reader{db}))
}

// ViewSnapshot is View with one state of the store, whatever is committed meanwhile.
func (s *Store) ViewSnapshot(f func(Reader) error) error {
	if err := s.caughtUp(); err != nil {
		return err
	}
	db, err := s.use()
	if err != nil {
		return err
	}
	defer s.done()
	snapshot := db.snapshot()
	err = s.noted(f(Reader{snapshot}))
	return errors.Join(err, snapshot.Close())
}

// noted passes on err and reports it if it is corruption that Pebble has not reported already.
func (s *Store) noted(err error) error {
	var corrupt *CorruptError
	if errors.As(err, &corrupt) && !pebble.IsCorruptionError(corrupt.Cause) {
		s.options.OnCorrupt(corrupt)
	}
	return err
}

// NewBatch returns an empty batch, for one goroutine.
func (s *Store) NewBatch() *Batch { return s.NewBatchOf(0) }

// NewBatchOf is NewBatch with room for so many bytes.
func (s *Store) NewBatchOf(bytes int) *Batch {
	db, err := s.use()
	if err != nil {
		return &Batch{}
	}
	defer s.done()
	return &Batch{to: db.newBatch(bytes)}
}

// Commit applies all of a batch or, with an error, none of it, and ends it. It does not wait for the disk: see Flush.
func (s *Store) Commit(b *Batch) error {
	_, err := s.use()
	if err != nil {
		return err
	}
	defer s.done()
	if b.to == nil {
		return ErrClosed
	}
	if err := b.to.Commit(pebble.NoSync); err != nil {
		return errors.Join(fmt.Errorf("commit: %w", err), b.to.Close())
	}
	return b.to.Close()
}

// Flush waits until all that has been applied is on disk.
func (s *Store) Flush() error {
	if err := s.caughtUp(); err != nil {
		return err
	}
	db, err := s.use()
	if err != nil {
		return err
	}
	defer s.done()
	return db.Flush()
}

// Checkpoint makes the folder dir a copy of the state on disk, of hard links. Batches that are committed meanwhile are in
// it or not, in order and each as a whole; those committed before are.
func (s *Store) Checkpoint(dir string) error {
	if err := s.caughtUp(); err != nil {
		return err
	}
	db, err := s.use()
	if err != nil {
		return err
	}
	defer s.done()
	if err := db.Flush(); err != nil {
		return fmt.Errorf("flush: %w", err)
	}
	return db.checkpoint(dir)
}

// Replace closes the store, lets fill make its folder anew, and opens it. It waits for the views that are open; until it
// returns there can be no others.
func (s *Store) Replace(fill func(fs vfs.FS, dir string) error) error {
	return s.exchange(func(db engine) error {
		if err := db.Close(); err != nil {
			return fmt.Errorf("close the state: %w", err)
		}
		if err := s.options.FS.RemoveAll(s.dir); err != nil {
			return fmt.Errorf("remove the state: %w", err)
		}
		return fill(s.options.FS, s.dir)
	})
}

// Anew is Replace by nothing, once move has moved the folder away, which may be corrupt.
func (s *Store) Anew(move func() error) error {
	return s.exchange(func(db engine) error {
		if err := db.Close(); err != nil {
			s.options.Logger.Info("the state could not be closed well before it is given up", "error", err)
		}
		return move()
	})
}

func (s *Store) exchange(change func(engine) error) error {
	db := s.retire()
	if db == nil {
		return ErrClosed
	}
	if err := change(db); err != nil {
		return err
	}
	db, err := s.open()
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.db = db
	return nil
}

// Close flushes and closes the store. It waits for the views that are open.
func (s *Store) Close() error {
	if err := s.caughtUp(); err != nil && !errors.Is(err, ErrClosed) {
		s.options.Logger.Info("the state is closed without what was applied last, which is in the log", "error", err)
	}
	db := s.retire()
	if db == nil {
		return nil
	}
	if s.options.ReadOnly {
		return db.Close()
	}
	return errors.Join(db.Flush(), db.Close())
}

// Size returns how many bytes the folder takes on disk.
func (s *Store) Size() uint64 {
	db, err := s.use()
	if err != nil {
		return 0
	}
	defer s.done()
	return db.size()
}
