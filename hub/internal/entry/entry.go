// Package entry is the form of commands in the Raft log: a CRC-32C (RFC 3720, appendix B.4) in 4 bytes, little-endian, and
// the command in Protocol Buffers. raft-wal has checksums of its own but looks at them only where the log ends: without
// this one, a command that the disk has changed would be applied as it is.
package entry

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"google.golang.org/protobuf/proto"

	"weir/proto/logpb"
)

// ErrCorrupt says that an entry is not what was written.
var ErrCorrupt = errors.New("the entry is corrupt")

const checksumBytes = 4

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Encode returns an entry as it is written. It fails only for text that is not UTF-8.
func Encode(e *logpb.Entry) ([]byte, error) {
	encoded, err := marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encode an entry: %w", err)
	}
	binary.LittleEndian.PutUint32(encoded, crc32.Checksum(encoded[checksumBytes:], castagnoli))
	return encoded, nil
}

// marshal returns a command behind room for its checksum.
func marshal(e *logpb.Entry) ([]byte, error) {
	if c, ok := e.GetCommand().(*logpb.Entry_Append); ok {
		return appendAppend(make([]byte, checksumBytes, checksumBytes+sizeOfAppend(c.Append)), e, c.Append)
	}
	return proto.MarshalOptions{}.MarshalAppend(make([]byte, checksumBytes, checksumBytes+proto.Size(e)), e)
}

// Decode reads what Encode has written. The error is or wraps ErrCorrupt.
func Decode(encoded []byte) (*logpb.Entry, error) {
	body, err := unseal(encoded)
	if err != nil {
		return nil, err
	}
	e := &logpb.Entry{}
	if err := proto.Unmarshal(body, e); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return e, nil
}

func unseal(encoded []byte) (body []byte, err error) {
	if len(encoded) < checksumBytes {
		return nil, fmt.Errorf("%w: it has %d bytes", ErrCorrupt, len(encoded))
	}
	body = encoded[checksumBytes:]
	if binary.LittleEndian.Uint32(encoded) != crc32.Checksum(body, castagnoli) {
		return nil, fmt.Errorf("%w: its checksum does not match", ErrCorrupt)
	}
	return body, nil
}
