package fanout

import (
	"google.golang.org/protobuf/encoding/protowire"

	"weir/proto/frame"
	"weir/proto/weirpb"
)

// Field numbers of the schema; a test holds them against it.
const (
	batchSubscription  = 1
	batchItems         = 2
	batchCursor        = 3
	batchRevision      = 4
	batchSkipped       = 5
	batchSkippedBytes  = 6
	batchSnapshotBegin = 7
	batchSnapshotEnd   = 8
	batchGap           = 9

	cursorEpoch  = 1
	cursorOffset = 2

	gapFrom   = 1
	gapTo     = 2
	gapReason = 3
)

// Reasons of gaps, as the schema lists them.
const (
	gapTrimmed       = "trimmed"
	gapEpochChanged  = "epoch_changed"
	gapTooSlow       = "too_slow"
	gapFilterFailed  = "filter_failed"
	gapFuelExhausted = "fuel_exhausted"
)

// A position is a place in a channel.
type position struct{ epoch, offset uint64 }

// A batchWriter assembles a BATCH frame at the end of a buffer. Items, already encoded, are copied in as they are: the
// fields of a Protocol Buffers message may stand in any order and one after another.
type batchWriter struct {
	dst   []byte
	start int // of the frame
	body  int // of the frame's body, after room for the longest header
	items int
}

// headerRoom holds a type of one byte and a length of at most four (RFC 9000, section 16).
const headerRoom = 1 + 4

func beginBatch(dst []byte, subscription uint32) batchWriter {
	start := len(dst)
	dst = append(dst, make([]byte, headerRoom)...)
	return batchWriter{dst: appendUint(dst, batchSubscription, uint64(subscription)), start: start, body: start + headerRoom}
}

// add appends an encoded item.
func (b *batchWriter) add(item []byte) {
	b.dst = append(b.dst, item...)
	b.items++
}

// size returns how long the body is so far, in bytes.
func (b *batchWriter) size() int { return len(b.dst) - b.body }

// A trailer is what a batch says besides its items.
type trailer struct {
	cursor        position // not said if the epoch is 0
	revision      uint32
	skipped       uint64
	skippedBytes  uint64
	snapshotBegin bool
	snapshotEnd   bool
	gap           *weirpb.Gap
}

// end completes the frame and returns the buffer.
func (b *batchWriter) end(t trailer) []byte {
	b.dst = t.append(b.dst)
	n := b.size()
	header := frame.AppendHeader(b.dst[:b.start], frame.Batch, n)
	// The header is shorter than the room kept for it, unless the batch is large: move the body up.
	copy(b.dst[len(header):], b.dst[b.body:])
	return b.dst[:len(header)+n]
}

func (t *trailer) append(dst []byte) []byte {
	if t.cursor.epoch != 0 {
		dst = protowire.AppendTag(dst, batchCursor, protowire.BytesType)
		dst = protowire.AppendVarint(dst, uint64(sizeUint(cursorEpoch, t.cursor.epoch)+sizeUint(cursorOffset, t.cursor.offset)))
		dst = appendUint(dst, cursorEpoch, t.cursor.epoch)
		dst = appendUint(dst, cursorOffset, t.cursor.offset)
	}
	dst = appendUint(dst, batchRevision, uint64(t.revision))
	dst = appendUint(dst, batchSkipped, t.skipped)
	dst = appendUint(dst, batchSkippedBytes, t.skippedBytes)
	dst = appendBool(dst, batchSnapshotBegin, t.snapshotBegin)
	dst = appendBool(dst, batchSnapshotEnd, t.snapshotEnd)
	if g := t.gap; g != nil {
		n := sizeUint(gapFrom, g.GetFrom()) + sizeUint(gapTo, g.GetTo()) + sizeString(gapReason, g.GetReason())
		dst = protowire.AppendTag(dst, batchGap, protowire.BytesType)
		dst = protowire.AppendVarint(dst, uint64(n))
		dst = appendUint(dst, gapFrom, g.GetFrom())
		dst = appendUint(dst, gapTo, g.GetTo())
		dst = appendString(dst, gapReason, g.GetReason())
	}
	return dst
}

func appendBool(dst []byte, field protowire.Number, v bool) []byte {
	if !v {
		return dst
	}
	return appendUint(dst, field, 1)
}
