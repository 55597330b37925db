package raftlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// A mark says up to which entry the log has been made durable. raft-wal ends the log where it finds something that it can't
// read, since that may be what a crash has cut short: damage to an entry that was acknowledged would end it there without a
// word, and this node would vote as if it had never had what follows.
//
// It is written after each append, without waiting for the disk: a process that is killed leaves it to the operating system,
// and after a power failure it says less than the log has, never more. Only lowering it is made durable.
type mark struct {
	file  vfs.File
	index uint64
}

const (
	markFile  = "mark"
	markBytes = 12 // an index and its CRC-32C, little-endian
)

func openMark(fs vfs.FS, dir string) (*mark, error) {
	path := fs.PathJoin(dir, markFile)
	file, err := fs.OpenReadWrite(path, category)
	if err != nil {
		return nil, fmt.Errorf("open the log's mark: %w", err)
	}
	m := &mark{file: file}
	content := make([]byte, markBytes)
	switch n, err := file.ReadAt(content, 0); {
	case err != nil && !errors.Is(err, io.EOF):
		return nil, errors.Join(fmt.Errorf("read the log's mark: %w", err), file.Close())
	case n == markBytes && binary.LittleEndian.Uint32(content[8:]) == crc32.Checksum(content[:8], castagnoli):
		m.index = binary.LittleEndian.Uint64(content)
	}
	return m, nil
}

// Marked returns up to which entry the log in a folder is known to have been durable, 0 if nothing is known. The log itself may
// be corrupt, or in use.
func Marked(fs vfs.FS, dir string) uint64 {
	content, err := readFile(fs, fs.PathJoin(dir, markFile))
	if err != nil || len(content) < markBytes || binary.LittleEndian.Uint32(content[8:]) != crc32.Checksum(content[:8], castagnoli) {
		return 0
	}
	return binary.LittleEndian.Uint64(content)
}

// set says that the log is durable up to an entry.
func (m *mark) set(index uint64) error {
	content := binary.LittleEndian.AppendUint64(make([]byte, 0, markBytes), index)
	content = binary.LittleEndian.AppendUint32(content, crc32.Checksum(content, castagnoli))
	if _, err := m.file.WriteAt(content, 0); err != nil {
		return fmt.Errorf("write the log's mark: %w", err)
	}
	lowered := index < m.index
	m.index = index
	if lowered {
		return m.file.SyncData()
	}
	return nil
}

func (m *mark) close() error { return m.file.Close() }
