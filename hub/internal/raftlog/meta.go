package raftlog

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"sync"

	"github.com/cockroachdb/errors/oserror"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/hashicorp/raft-wal/types"
)

// The file meta has two slots of equal size. A slot begins with
//
//	magic (4) | length of what follows the header (4) | sequence (8) | CRC-32C of all else (4)
//
// in little-endian, and JSON follows. The slot with the higher sequence counts.
const (
	metaFile    = "meta"
	metaMagic   = 0x72696577 // "weir"
	headerBytes = 20
	// slotBytes bounds the JSON, which has some 230 bytes for each segment: 1,000 are 8 GiB of log.
	slotBytes = 256 << 10
)

// meta keeps which segments there are, and for whom this node has voted. All of its room is taken when it is made, so that
// a vote does not need any.
//
// A record is written to one slot and made durable, then copied to the other without waiting for that. So a slot that has
// rotted is made up for by the other, and the next record can be written over the copy while the first one stands.
type meta struct {
	fs     vfs.FS
	failed func(error)

	mu sync.Mutex
	// What follows is guarded by mu. file is nil until Load and after Close.
	file     vfs.File
	record   metaRecord
	sequence uint64
	broken   error // after a failed write: nothing more is written
}

type metaRecord struct {
	State  types.PersistentState
	Stable map[string][]byte
}

var _ types.MetaStore = (*meta)(nil)

var errMetaClosed = errors.New("the log's meta file is closed")

// Load reads the file, or makes it.
func (m *meta) Load(dir string) (types.PersistentState, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.file != nil {
		return m.record.State, nil
	}
	path := m.fs.PathJoin(dir, metaFile)
	if _, err := m.fs.Stat(path); oserror.IsNotExist(err) {
		if err := m.make(dir, path); err != nil {
			return types.PersistentState{}, fmt.Errorf("make the log's meta file: %w", err)
		}
	}
	file, err := m.fs.OpenReadWrite(path, category)
	if err != nil {
		return types.PersistentState{}, err
	}
	if err := m.read(file); err != nil {
		return types.PersistentState{}, errors.Join(err, file.Close())
	}
	m.file = file
	return m.record.State, nil
}

// make makes a file that is there with all its room, or not at all.
func (m *meta) make(dir, path string) error {
	part := path + ".part"
	file, err := m.fs.Create(part, category)
	if err != nil {
		return err
	}
	m.record = metaRecord{Stable: map[string][]byte{}}
	first, err := encodeMeta(m.record, 0)
	if err == nil {
		_, err = file.Write(append(first, make([]byte, 2*slotBytes-len(first))...))
	}
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := m.fs.Rename(part, path); err != nil {
		return err
	}
	return syncDir(m.fs, dir)
}

func (m *meta) read(file vfs.File) error {
	content := make([]byte, 2*slotBytes)
	if _, err := file.ReadAt(content, 0); err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the log's meta file: %w", err)
	}
	found := false
	for _, slot := range [][]byte{content[:slotBytes], content[slotBytes:]} {
		record, sequence, ok := decodeMeta(slot)
		if ok && (!found || sequence > m.sequence) {
			m.record, m.sequence, found = record, sequence, true
		}
	}
	if !found {
		return fmt.Errorf("%w: neither copy of its meta file can be read", ErrCorrupt)
	}
	return nil
}

func encodeMeta(r metaRecord, sequence uint64) ([]byte, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	if len(body) > slotBytes-headerBytes {
		return nil, fmt.Errorf("the log has too many segments: %d", len(r.State.Segments))
	}
	b := make([]byte, headerBytes, headerBytes+len(body))
	binary.LittleEndian.PutUint32(b, metaMagic)
	binary.LittleEndian.PutUint32(b[4:], uint32(len(body)))
	binary.LittleEndian.PutUint64(b[8:], sequence)
	b = append(b, body...)
	binary.LittleEndian.PutUint32(b[16:], metaChecksum(b))
	return b, nil
}

func metaChecksum(record []byte) uint32 {
	return crc32.Update(crc32.Checksum(record[:16], castagnoli), castagnoli, record[headerBytes:])
}

func decodeMeta(slot []byte) (r metaRecord, sequence uint64, ok bool) {
	if len(slot) < headerBytes || binary.LittleEndian.Uint32(slot) != metaMagic {
		return r, 0, false
	}
	length := binary.LittleEndian.Uint32(slot[4:])
	if int64(length) > int64(len(slot)-headerBytes) {
		return r, 0, false
	}
	record := slot[:headerBytes+length]
	if binary.LittleEndian.Uint32(slot[16:]) != metaChecksum(record) || json.Unmarshal(record[headerBytes:], &r) != nil {
		return r, 0, false
	}
	if r.Stable == nil {
		r.Stable = map[string][]byte{}
	}
	return r, binary.LittleEndian.Uint64(slot[8:]), true
}

// change makes a change to the record durable.
func (m *meta) change(f func(*metaRecord)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.file == nil:
		return errMetaClosed
	case m.broken != nil:
		return m.broken
	}
	next := metaRecord{State: m.record.State, Stable: maps.Clone(m.record.Stable)}
	f(&next)
	encoded, err := encodeMeta(next, m.sequence+1)
	if err != nil {
		return err
	}
	// The slot that is written first has the copy of what the other one has had made durable.
	first := int64((m.sequence+1)%2) * slotBytes
	if err := m.write(encoded, first); err != nil {
		m.broken = fmt.Errorf("write the log's meta file: %w", err)
		m.failed(m.broken)
		return m.broken
	}
	m.record, m.sequence = next, m.sequence+1
	if _, err := m.file.WriteAt(encoded, slotBytes-first); err != nil {
		m.broken = fmt.Errorf("copy the log's meta record: %w", err)
		m.failed(m.broken)
	}
	return nil
}

func (m *meta) write(encoded []byte, at int64) error {
	if _, err := m.file.WriteAt(encoded, at); err != nil {
		return err
	}
	return m.file.SyncData()
}

// CommitState replaces what is kept of the segments.
func (m *meta) CommitState(s types.PersistentState) error {
	return m.change(func(r *metaRecord) { r.State = s })
}

// SetStable keeps a value, or forgets it for nil.
func (m *meta) SetStable(key, value []byte) error {
	return m.change(func(r *metaRecord) {
		if value == nil {
			delete(r.Stable, string(key))
			return
		}
		r.Stable[string(key)] = append([]byte{}, value...)
	})
}

// GetStable returns a value, nil if there is none.
func (m *meta) GetStable(key []byte) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.file == nil {
		return nil, errMetaClosed
	}
	value := m.record.Stable[string(key)]
	if value == nil {
		return nil, nil
	}
	return append([]byte{}, value...), nil
}

// Close closes the file.
func (m *meta) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.file == nil {
		return nil
	}
	err := m.file.Close()
	m.file = nil
	return err
}
