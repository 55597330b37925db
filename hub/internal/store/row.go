package store

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// checksumBytes is how much of a row's value is its checksum.
const checksumBytes = 4

// castagnoli is the polynomial of CRC-32C (RFC 3720, appendix B.4), which processors compute.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A CorruptError says that a row is not what was written. It never has the row's contents.
type CorruptError struct {
	// Key is the row's key, or of what was being read.
	Key    []byte
	Reason string
	Cause  error
}

// Error names the row and what is wrong with it.
func (e *CorruptError) Error() string {
	if e.Cause != nil {
		return fmt.Sprintf("the row %q is corrupt: %s: %v", e.Key, e.Reason, e.Cause)
	}
	return fmt.Sprintf("the row %q is corrupt: %s", e.Key, e.Reason)
}

// Unwrap returns the cause.
func (e *CorruptError) Unwrap() error { return e.Cause }

// Seal fills in the checksum of a row: value begins with 4 bytes for it. It covers the key too, so that a row that turns
// up in another's place is found out.
func Seal(key, value []byte) {
	binary.LittleEndian.PutUint32(value, checksum(key, value[checksumBytes:]))
}

// Unseal checks a row and returns what was stored, which shares value's memory. The error is a *CorruptError.
func Unseal(key, value []byte) ([]byte, error) {
	if len(value) < checksumBytes {
		return nil, &CorruptError{Key: append([]byte(nil), key...), Reason: fmt.Sprintf("it has %d bytes", len(value))}
	}
	body := value[checksumBytes:]
	if binary.LittleEndian.Uint32(value) != checksum(key, body) {
		return nil, &CorruptError{Key: append([]byte(nil), key...), Reason: "its checksum does not match"}
	}
	return body, nil
}

func checksum(key, body []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, body)
}
