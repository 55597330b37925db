package filters

import (
	"encoding/binary"

	"weir/proto/weirpb"
)

// Layout of an event as filters read it; ABI.md, "The event". Offsets count from the event's first byte.
const (
	eventOffset      = 0  // u64
	eventTime        = 8  // i64, milliseconds since the Unix epoch
	eventFlags       = 16 // u32
	eventHeaders     = 20 // u32, how many
	eventChannel     = 24 // span: offset u32, length u32
	eventKey         = 32 // span
	eventContentType = 40 // span
	eventPayload     = 48 // span
	eventHeaderTable = 56 // span: per header a span for the name and one for the value
	eventHeadSize    = 64

	eventFlagTombstone = 1 << 0
	eventFlagEphemeral = 1 << 1

	headerEntrySize = 16
	// inputZeros is how many zero bytes follow the payload, and every other input, at least: guests may read a word beyond
	// its end, or parse up to a NUL.
	inputZeros = 8
)

// channelOf returns the channel of an event, as AppendEvent made it; "" for nil.
func channelOf(event []byte) string {
	if len(event) < eventHeadSize {
		return ""
	}
	from := binary.LittleEndian.Uint32(event[eventChannel:])
	length := binary.LittleEndian.Uint32(event[eventChannel+4:])
	return string(event[from:][:length])
}

// AppendEvent appends e as filters read it. Encode an event once and hand the same bytes to every call.
func AppendEvent(dst []byte, channel string, e *weirpb.Event) []byte {
	start := len(dst)
	headers := e.GetHeaders()
	dst = zeros(dst, eventHeadSize+headerEntrySize*len(headers))
	put32 := func(at int, v int) { binary.LittleEndian.PutUint32(dst[start+at:], uint32(v)) }
	span := func(at, length int) {
		put32(at, len(dst)-start-length)
		put32(at+4, length)
	}

	binary.LittleEndian.PutUint64(dst[start+eventOffset:], e.GetOffset())
	binary.LittleEndian.PutUint64(dst[start+eventTime:], uint64(e.GetTimeMs()))
	put32(eventFlags, eventFlagsOf(e))
	put32(eventHeaders, len(headers))
	put32(eventHeaderTable, eventHeadSize)
	put32(eventHeaderTable+4, headerEntrySize*len(headers))

	dst = append(dst, channel...)
	span(eventChannel, len(channel))
	dst = append(dst, e.GetKey()...)
	span(eventKey, len(e.GetKey()))
	dst = append(dst, e.GetContentType()...)
	span(eventContentType, len(e.GetContentType()))
	for i, h := range headers {
		entry := eventHeadSize + headerEntrySize*i
		dst = append(dst, h.GetName()...)
		span(entry, len(h.GetName()))
		dst = append(dst, h.GetValue()...)
		span(entry+8, len(h.GetValue()))
	}
	dst = pad(dst, start)
	dst = append(dst, e.GetPayload()...)
	span(eventPayload, len(e.GetPayload()))
	return pad(zeros(dst, inputZeros), start)
}

func eventFlagsOf(e *weirpb.Event) int {
	flags := 0
	if e.GetTombstone() {
		flags |= eventFlagTombstone
	}
	if e.GetOffset() == 0 {
		flags |= eventFlagEphemeral
	}
	return flags
}
