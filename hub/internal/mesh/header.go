package mesh

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/quic-go/quic-go/quicvarint"
)

// A kind is what a stream is for: its first byte.
type kind byte

const (
	kindHello kind = 0 // what comes back, a zero and an incarnation, says that the connection is taken
	kindRaft  kind = 1 // a group's Raft transport has the rest of the stream
	kindCall  kind = 2 // a request, up to the end of the stream, and its answer
)

var kindNames = [...]string{kindHello: "hello", kindRaft: "raft", kindCall: "call"}

func (k kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("%#x", byte(k))
}

// A header is how a stream begins: a byte for its kind, and then
//
//	hello  the node's incarnation: a byte with its length, 0 to 64, and as many of a-z, 0-9 and ._-
//	raft   the group, as a QUIC variable-length integer (RFC 9000, section 16) up to 2^32-1
//	call   the method: a byte with its length, 1 to 64, and as many of a-z, 0-9 and ._-
type header struct {
	kind   kind
	group  uint32
	method string
	// incarnation is the sender's, "" for one that does not say.
	incarnation string
}

// maxMethod bounds the name of a method, in bytes.
const maxMethod = 64

var errHeader = errors.New("mesh: malformed header")

func (h header) append(b []byte) []byte {
	b = append(b, byte(h.kind))
	switch h.kind {
	case kindHello:
		b = appendName(b, h.incarnation)
	case kindRaft:
		b = quicvarint.Append(b, uint64(h.group))
	case kindCall:
		b = appendName(b, h.method)
	}
	return b
}

// appendName requires that a name is one.
func appendName(b []byte, name string) []byte {
	b = append(b, byte(len(name)))
	return append(b, name...)
}

// readHeader reads a header and not a byte more. What is no header is errHeader; other errors are those of r.
func readHeader(r io.Reader) (h header, err error) {
	var first [1]byte
	if _, err := io.ReadFull(r, first[:]); err != nil {
		return h, err
	}
	h.kind = kind(first[0])
	switch h.kind {
	case kindHello:
		h.incarnation, err = readName(r, 0)
	case kindRaft:
		h.group, err = readGroup(r)
	case kindCall:
		h.method, err = readName(r, 1)
	default:
		return h, fmt.Errorf("%w: unknown kind %s", errHeader, h.kind)
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return h, err
}

func readGroup(r io.Reader) (uint32, error) {
	group, err := quicvarint.Read(quicvarint.NewReader(r))
	if err == nil && group > math.MaxUint32 {
		err = fmt.Errorf("%w: group %d", errHeader, group)
	}
	return uint32(group), err
}

// readName reads a name of at least so many bytes.
func readName(r io.Reader, least int) (string, error) {
	var length [1]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return "", err
	}
	if n := int(length[0]); n < least || n > maxMethod {
		return "", fmt.Errorf("%w: a name of %d bytes", errHeader, n)
	}
	name := make([]byte, length[0])
	if _, err := io.ReadFull(r, name); err != nil {
		return "", err
	}
	if len(name) > 0 && !isMethod(string(name)) {
		return "", fmt.Errorf("%w: the name %q", errHeader, name)
	}
	return string(name), nil
}

func isMethod(name string) bool {
	return len(name) > 0 && len(name) <= maxMethod && !strings.ContainsFunc(name, func(r rune) bool {
		return !('a' <= r && r <= 'z' || '0' <= r && r <= '9' || strings.ContainsRune("._-", r))
	})
}
