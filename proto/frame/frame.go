// Package frame reads and writes the frames of a weir session: a type, a length and a Protocol Buffers message.
//
// The type and the length are variable-length integers as QUIC has them (RFC 9000, section 16). SPEC.md, two folders up,
// says which frames there are and who may send which when.
package frame

import (
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/quic-go/quic-go/quicvarint"
	"google.golang.org/protobuf/proto"
)

// Limits on the body of a frame, in bytes.
const (
	// MaxHello bounds what a client may send before it is authenticated.
	MaxHello = 16 << 10
	// MaxFromClient bounds the frames of an authenticated client: the largest payload that a namespace may allow
	// (128 KiB) with room for its key and headers.
	MaxFromClient = 256 << 10
	// MaxFromServer bounds the frames of a server: a batch of events, cut by the server well below it.
	MaxFromServer = 1 << 20
)

var (
	// ErrTooLarge is returned for a frame whose length exceeds the reader's limit. Nothing of the body has been read.
	ErrTooLarge = errors.New("frame exceeds the length limit")
	// ErrMalformed is returned for bytes that are no frame, and for a body that is no message of its type.
	ErrMalformed = errors.New("malformed frame")
)

// A ByteReader is what frames are read from.
type ByteReader interface {
	io.Reader
	io.ByteReader
}

// A Reader reads frames. It is not safe for concurrent use.
type Reader struct {
	src   ByteReader
	limit int
	body  []byte // reused from frame to frame
}

// NewReader returns a Reader that refuses frames whose body is longer than limit bytes.
func NewReader(src ByteReader, limit int) *Reader {
	return &Reader{src: src, limit: limit}
}

// SetLimit changes the longest body that is accepted, in bytes.
func (r *Reader) SetLimit(limit int) { r.limit = limit }

// Next reads one frame. The body is valid until the next call. It returns io.EOF at the end of the stream, between
// frames; io.ErrUnexpectedEOF within one; ErrTooLarge and ErrMalformed as they say.
func (r *Reader) Next() (Type, []byte, error) {
	t, err := readVarint(r.src)
	if err != nil {
		return 0, nil, err
	}
	n, err := readVarint(r.src)
	if err != nil {
		return 0, nil, unexpected(err)
	}
	if t > maxType {
		return 0, nil, fmt.Errorf("%w: type %#x", ErrMalformed, t)
	}
	if n > uint64(r.limit) {
		return Type(t), nil, fmt.Errorf("%w: %s of %d bytes, at most %d", ErrTooLarge, Type(t), n, r.limit)
	}
	if err := r.read(int(n)); err != nil {
		return Type(t), nil, err
	}
	return Type(t), r.body, nil
}

// growth bounds how far ahead of received bytes memory is taken: a length is only a claim until the bytes are there.
const growth = 16 << 10

func (r *Reader) read(n int) error {
	r.body = r.body[:0]
	for len(r.body) < n {
		have := len(r.body)
		want := min(n-have, max(growth, have))
		r.body = slices.Grow(r.body, want)[:have+want]
		if _, err := io.ReadFull(r.src, r.body[have:]); err != nil {
			return unexpected(err)
		}
	}
	return nil
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Append appends a frame with the message m to dst.
func Append(dst []byte, t Type, m proto.Message) ([]byte, error) {
	dst = AppendHeader(dst, t, proto.Size(m))
	return proto.MarshalOptions{UseCachedSize: true}.MarshalAppend(dst, m)
}

// AppendHeader appends the type and the length of a frame whose body, of n bytes, the caller appends.
func AppendHeader(dst []byte, t Type, n int) []byte {
	return quicvarint.Append(quicvarint.Append(dst, uint64(t)), uint64(n))
}

// Decode reads the body of a frame into m. Unknown fields are ignored, as the protocol demands.
func Decode(body []byte, m proto.Message) error {
	if err := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(body, m); err != nil {
		return fmt.Errorf("%w: %s", ErrMalformed, err)
	}
	return nil
}
