package raftlog

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"

	"github.com/hashicorp/raft"
)

// checksumBytes precede each entry's data: the CRC-32C (RFC 3720, appendix B.4) of all that makes up the entry but the time
// when a leader made it, little-endian. raft-wal looks at its own checksums only where the log ends, so that damage
// elsewhere would be handed to the machine, or sent to other nodes, as it is.
//
// It is not a codec of raft-wal's, whose segments can't be opened again with another one than its own.
const checksumBytes = 4

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A sealer makes sealed copies of entries in memory that it uses again: raft-wal makes a copy of its own.
type sealer struct {
	entries []*raft.Log
	copies  []raft.Log
	data    []byte
	head    head
}

// A head is what a checksum begins with: the entry's index, term, type, and how many bytes of extensions it has.
type head [8 + 8 + 1 + 8]byte

// maxSealed is how much memory is kept for the next copies, in bytes: four of the largest entries.
const maxSealed = 1 << 20

// seal returns copies of entries that have checksums, valid until the next call.
func (s *sealer) seal(entries []*raft.Log) []*raft.Log {
	size := 0
	for _, entry := range entries {
		size += checksumBytes + len(entry.Data)
	}
	data := slices.Grow(s.data[:0], size) // what is in it already must not move
	s.entries, s.copies = s.entries[:0], slices.Grow(s.copies[:0], len(entries))
	for _, entry := range entries {
		begin := len(data)
		data = binary.LittleEndian.AppendUint32(data, checksum(entry, &s.head))
		data = append(data, entry.Data...)
		sealed := *entry
		sealed.Data = data[begin:len(data):len(data)]
		s.copies = append(s.copies, sealed)
		s.entries = append(s.entries, &s.copies[len(s.copies)-1])
	}
	if s.data = nil; cap(data) <= maxSealed {
		s.data = data
	}
	return s.entries
}

// unseal checks an entry and takes its checksum away. The error is an ErrCorrupt.
func unseal(entry *raft.Log) error {
	if len(entry.Data) < checksumBytes {
		return fmt.Errorf("%w: entry %d has no checksum", ErrCorrupt, entry.Index)
	}
	want := binary.LittleEndian.Uint32(entry.Data)
	entry.Data = entry.Data[checksumBytes:]
	if want != checksum(entry, &head{}) {
		return fmt.Errorf("%w: the checksum of entry %d does not match", ErrCorrupt, entry.Index)
	}
	return nil
}

// checksum overwrites h.
func checksum(entry *raft.Log, h *head) uint32 {
	b := binary.LittleEndian.AppendUint64(h[:0], entry.Index)
	b = binary.LittleEndian.AppendUint64(b, entry.Term)
	b = append(b, byte(entry.Type))
	b = binary.LittleEndian.AppendUint64(b, uint64(len(entry.Extensions)))
	sum := crc32.Update(crc32.Checksum(b, castagnoli), castagnoli, entry.Extensions)
	return crc32.Update(sum, castagnoli, entry.Data)
}
