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

// A page is what is remembered of consecutive publications of a producer, as it is written: the differences of offsets and of
// times, each from the one before, as two varints each. They are small, but in the first.
type page struct {
	encoded []byte
	last    outcome
}

// add appends an outcome.
func (p *page) add(o outcome) {
	p.encoded = binary.AppendUvarint(p.encoded, o.offset-p.last.offset)
	p.encoded = binary.AppendVarint(p.encoded, o.timeMs-p.last.timeMs)
	p.last = o
}

// clear empties the page and keeps its room.
func (p *page) clear() { *p = page{encoded: p.encoded[:0]} }

var errPage = errors.New("what is remembered of a producer can't be read")

// parsePage reads the outcomes of a page.
func parsePage(body []byte) (all []outcome, err error) {
	all = make([]outcome, 0, sequence.PageLength)
	for o := (outcome{}); len(body) > 0; {
		offset, n := binary.Uvarint(body)
		if n <= 0 {
			return nil, errPage
		}
		timeMs, m := binary.Varint(body[n:])
		if m <= 0 || len(all) == sequence.PageLength {
			return nil, errPage
		}
		body = body[n+m:]
		o.offset, o.timeMs = o.offset+offset, o.timeMs+timeMs
		all = append(all, o)
	}
	return all, nil
}

// appendPageRow makes the row of a full page, which begins with its number.
func appendPageRow(dst []byte, number uint64, p page) []byte {
	return append(binary.BigEndian.AppendUint64(dst, number), p.encoded...)
}

// parsePageRow reads what appendPageRow has written.
func parsePageRow(body []byte) (number uint64, all []outcome, err error) {
	if len(body) < 8 {
		return 0, nil, errPage
	}
	all, err = parsePage(body[8:])
	if err == nil && len(all) != sequence.PageLength {
		err = errPage
	}
	return binary.BigEndian.Uint64(body), all, err
}
