package frame

import "io"

// readVarint reads a variable-length integer (RFC 9000, section 16). It returns io.EOF where there is none, and
// io.ErrUnexpectedEOF where one is cut short.
func readVarint(src io.ByteReader) (uint64, error) {
	first, err := src.ReadByte()
	if err != nil {
		return 0, err
	}
	v := uint64(first & 0x3f)
	for range 1<<(first>>6) - 1 {
		b, err := src.ReadByte()
		if err != nil {
			return 0, unexpected(err)
		}
		v = v<<8 | uint64(b)
	}
	return v, nil
}
