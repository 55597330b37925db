package shard

import (
	"encoding/binary"
	"errors"

	"weir/hub/internal/sequence"
)

// An outcome is what is remembered of one publication.
type outcome struct {
	offset uint64
	timeMs int64
}

// A page is what is remembered of consecutive publications of a producer. It is written as the differences of offsets and
// of times, each from the one before, as two varints each: they are small, but in the first.
type page []outcome

func (p page) append(dst []byte) []byte {
	var before outcome
	for _, o := range p {
		dst = binary.AppendUvarint(dst, o.offset-before.offset)
		dst = binary.AppendVarint(dst, o.timeMs-before.timeMs)
		before = o
	}
	return dst
}

var errPage = errors.New("what is remembered of a producer can't be read")

// parsePage appends to into what append has written.
func parsePage(body []byte, into page) (page, error) {
	var o outcome
	for begin := len(into); len(body) > 0; {
		offset, n := binary.Uvarint(body)
		if n <= 0 {
			return nil, errPage
		}
		timeMs, m := binary.Varint(body[n:])
		if m <= 0 || len(into)-begin == sequence.PageLength {
			return nil, errPage
		}
		body = body[n+m:]
		o.offset, o.timeMs = o.offset+offset, o.timeMs+timeMs
		into = append(into, o)
	}
	return into, nil
}

// appendPageRow makes the row of a full page, which begins with its number.
func appendPageRow(dst []byte, number uint64, p page) []byte {
	return p.append(binary.BigEndian.AppendUint64(dst, number))
}

// parsePageRow reads what appendPageRow has written.
func parsePageRow(body []byte) (number uint64, p page, err error) {
	if len(body) < 8 {
		return 0, nil, errPage
	}
	p, err = parsePage(body[8:], make(page, 0, sequence.PageLength))
	if err == nil && len(p) != sequence.PageLength {
		err = errPage
	}
	return binary.BigEndian.Uint64(body), p, err
}
