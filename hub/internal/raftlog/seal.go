package raftlog

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/hashicorp/raft"
)

// checksumBytes precede each entry's data: the CRC-32C (RFC 3720, appendix B.4) of all that makes up the entry but the time
// when a leader made it, little-endian. raft-wal looks at its own checksums only where the log ends, so that damage
// elsewhere would be handed to the machine, or sent to other nodes, as it is.
//
// It is not a codec of raft-wal's, whose segments can't be opened again with another one than its own.
const checksumBytes = 4

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seal returns copies of entries that have checksums.
func seal(entries []*raft.Log) []*raft.Log {
	sealed := make([]*raft.Log, len(entries))
	for i, entry := range entries {
		copied := *entry
		copied.Data = make([]byte, checksumBytes, checksumBytes+len(entry.Data))
		binary.LittleEndian.PutUint32(copied.Data, checksum(entry))
		copied.Data = append(copied.Data, entry.Data...)
		sealed[i] = &copied
	}
	return sealed
}

// unseal checks an entry and takes its checksum away. The error is an ErrCorrupt.
func unseal(entry *raft.Log) error {
	if len(entry.Data) < checksumBytes {
		return fmt.Errorf("%w: entry %d has no checksum", ErrCorrupt, entry.Index)
	}
	want := binary.LittleEndian.Uint32(entry.Data)
	entry.Data = entry.Data[checksumBytes:]
	if want != checksum(entry) {
		return fmt.Errorf("%w: the checksum of entry %d does not match", ErrCorrupt, entry.Index)
	}
	return nil
}

func checksum(entry *raft.Log) uint32 {
	b := make([]byte, 0, 32)
	b = binary.LittleEndian.AppendUint64(b, entry.Index)
	b = binary.LittleEndian.AppendUint64(b, entry.Term)
	b = append(b, byte(entry.Type))
	b = binary.LittleEndian.AppendUint64(b, uint64(len(entry.Extensions)))
	sum := crc32.Update(crc32.Checksum(b, castagnoli), castagnoli, entry.Extensions)
	return crc32.Update(sum, castagnoli, entry.Data)
}
