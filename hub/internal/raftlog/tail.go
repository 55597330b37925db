package raftlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"

	"github.com/cockroachdb/errors/oserror"
	"github.com/cockroachdb/pebble/v2/vfs"
	wal "github.com/hashicorp/raft-wal"
	"github.com/hashicorp/raft-wal/segment"
	"github.com/hashicorp/raft-wal/types"
)

// What segments are made of: after the header, frames that begin with their type (1) and, at 4, the length of what follows
// or for a commit the CRC-32C of all since the commit before, little-endian. Frames are padded to 8 bytes.
const (
	segmentHeaderBytes = 32
	frameBytes         = 8
)

// A tailScan is what is found in the segment that was written last.
type tailScan struct {
	// entries have been committed, and end is where the last commit ends.
	entries, end int
	// index is where the index of a full segment begins, 0 if it has none.
	index int
	// torn is whether there is anything behind end.
	torn bool
}

// scanTail reads up to the last commit that is whole.
func scanTail(content []byte) (s tailScan) {
	var entries, index, began int
	at := segmentHeaderBytes
	for at+frameBytes <= len(content) {
		kind, word := content[at], binary.LittleEndian.Uint32(content[at+4:])
		next := at + frameBytes
		switch kind {
		case segment.FrameEntry, segment.FrameIndex:
			if int64(word) > int64(len(content)-next) {
				return s.tornIn(content)
			}
			next += (int(word) + frameBytes - 1) / frameBytes * frameBytes
			if kind == segment.FrameEntry {
				entries++
			} else {
				index = at + frameBytes
			}
		case segment.FrameCommit:
			if crc32.Checksum(content[began:at], castagnoli) != word {
				return s.tornIn(content)
			}
			began = next
			s.entries, s.end, s.index = entries, next, index
		default:
			return s.tornIn(content)
		}
		at = next
	}
	return s.tornIn(content)
}

func (s tailScan) tornIn(content []byte) tailScan {
	s.torn = len(bytes.TrimRight(content[min(s.end, len(content)):], "\x00")) > 0
	return s
}

// mendTail finishes what a crash has interrupted, and raft-wal does not by itself: a full segment that no other follows, or
// one of which only a part of the last write is there, would never be written to again. It leaves damage alone.
func mendTail(fs vfs.FS, dir string, m *meta, marked uint64) error {
	state, err := m.Load(dir)
	if err != nil || len(state.Segments) == 0 {
		return err
	}
	tail := &state.Segments[len(state.Segments)-1]
	if !tail.SealTime.IsZero() {
		return nil
	}
	path := fs.PathJoin(dir, segment.FileName(*tail))
	content, err := readFile(fs, path)
	if oserror.IsNotExist(err) {
		return nil // it is made then
	}
	if err != nil {
		return err
	}
	s := scanTail(content)
	if last := tail.BaseIndex + uint64(s.entries) - 1; last < marked {
		return fmt.Errorf("%w: it ends at entry %d, but had been written up to %d", ErrCorrupt, last, marked)
	}
	if s.torn {
		if err := clearFrom(fs, path, s.end, content); err != nil {
			return fmt.Errorf("clear what a crash has left: %w", err)
		}
	}
	if s.index == 0 || s.entries == 0 {
		return nil
	}
	tail.SealTime, tail.MaxIndex, tail.IndexStart = time.Now(), tail.BaseIndex+uint64(s.entries)-1, uint64(s.index)
	next := types.SegmentInfo{
		ID: state.NextSegmentID, BaseIndex: tail.MaxIndex + 1, MinIndex: tail.MaxIndex + 1, Codec: wal.CodecBinaryV1,
		CreateTime: time.Now(), SizeLimit: tail.SizeLimit,
	}
	return m.CommitState(types.PersistentState{NextSegmentID: next.ID + 1, Segments: append(state.Segments, next)})
}

// clearFrom overwrites what is behind an offset, durably.
func clearFrom(fs vfs.FS, path string, from int, content []byte) error {
	rest := len(bytes.TrimRight(content[from:], "\x00"))
	file, err := fs.OpenReadWrite(path, category)
	if err != nil {
		return err
	}
	_, err = file.WriteAt(make([]byte, rest), int64(from))
	return errors.Join(err, file.SyncData(), file.Close())
}

func readFile(fs vfs.FS, path string) ([]byte, error) {
	file, err := fs.Open(path)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(file)
	return content, errors.Join(err, file.Close())
}
