package wasm

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// ErrTruncated is wrapped where a module ends in the middle of something.
var ErrTruncated = errors.New("the module ends here, in the middle of something")

// A Reader reads a module's bytes from front to back. After the first failure every further read fails the same way, so
// that callers may check Err once in a while.
type Reader struct {
	data []byte
	pos  int
	err  error
}

// NewReader returns a reader of data[from:to], whose positions count from the start of data.
func NewReader(data []byte, from, to int) *Reader {
	return &Reader{data: data[:to:to], pos: from}
}

// Err returns the first failure, nil if there was none.
func (r *Reader) Err() error { return r.err }

// Pos returns the position of the next byte.
func (r *Reader) Pos() int { return r.pos }

// More reports whether there is a byte left and nothing has failed.
func (r *Reader) More() bool { return r.err == nil && r.pos < len(r.data) }

// Fail records a failure at the present position, unless one was recorded before.
func (r *Reader) Fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("byte %d: %w", r.pos, fmt.Errorf(format, args...))
	}
}

// Byte reads one byte.
func (r *Reader) Byte() byte {
	if !r.More() {
		r.Fail("%w", ErrTruncated)
		return 0
	}
	r.pos++
	return r.data[r.pos-1]
}

// Bytes reads n bytes, which alias the module.
func (r *Reader) Bytes(n uint32) []byte {
	if r.err != nil || uint64(n) > uint64(len(r.data)-r.pos) {
		r.Fail("%w", ErrTruncated)
		return nil
	}
	r.pos += int(n)
	return r.data[r.pos-int(n) : r.pos]
}

// U32 reads an unsigned LEB128 number of at most 32 bits. It is 0 after a failure, so that nobody counts to it.
func (r *Reader) U32() uint32 {
	var v uint64
	for shift := 0; shift < 35; shift += 7 {
		b := r.Byte()
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			if v > 1<<32-1 {
				break
			}
			if r.err != nil {
				return 0
			}
			return uint32(v)
		}
	}
	r.Fail("a number is longer than 32 bits")
	return 0
}

// SkipSigned skips a signed LEB128 number of at most so many bits.
func (r *Reader) SkipSigned(bits int) {
	for range (bits + 6) / 7 {
		if r.Byte() < 0x80 {
			return
		}
	}
	r.Fail("a number is longer than %d bits", bits)
}

// Name reads a length and so many bytes of UTF-8.
func (r *Reader) Name() string {
	b := r.Bytes(r.U32())
	if !utf8.Valid(b) {
		r.Fail("a name is not UTF-8")
	}
	return string(b)
}

// Count reads the length of a vector of what. More than limit of them are refused before any is read.
func (r *Reader) Count(what string, limit int) int {
	n := r.U32()
	if r.err == nil && uint64(n) > uint64(limit) {
		r.err = &CountError{What: what, Count: n, Limit: limit}
		return 0
	}
	return int(n)
}

// A CountError says that a module has more of something than is allowed.
type CountError struct {
	What  string
	Count uint32
	Limit int
}

func (e *CountError) Error() string {
	return fmt.Sprintf("it has %d %s, and at most %d are allowed", e.Count, e.What, e.Limit)
}
