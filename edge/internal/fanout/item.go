package fanout

import (
	"google.golang.org/protobuf/encoding/protowire"

	"weir/proto/weirpb"
)

// Field numbers of the schema; a test holds them against it.
const (
	itemKind  = 1
	itemEvent = 2

	eventOffset      = 1
	eventTime        = 2
	eventKey         = 3
	eventPayload     = 4
	eventContentType = 5
	eventHeaders     = 6
	eventTombstone   = 7

	headerName  = 1
	headerValue = 2
)

// appendItem appends e as an element of Batch.items: tag, length and the item. payload is what is shown in place of the
// event's own. A LEAVE tells the key and nothing else, since the event may not be the subscriber's to see.
//
// Items are written by hand because they are written once per event and variant at the rate of the busiest channel:
// without reflection, and with another payload without copying the event.
func appendItem(dst []byte, kind weirpb.ItemKind, e *weirpb.Event, payload []byte) []byte {
	bare := kind == weirpb.ItemKind_ITEM_KIND_LEAVE
	n := eventSize(e, payload, bare)
	item := protowire.SizeTag(itemKind) + protowire.SizeVarint(uint64(kind)) + protowire.SizeTag(itemEvent) + protowire.SizeBytes(n)
	dst = protowire.AppendTag(dst, batchItems, protowire.BytesType)
	dst = protowire.AppendVarint(dst, uint64(item))
	dst = appendUint(dst, itemKind, uint64(kind))
	dst = protowire.AppendTag(dst, itemEvent, protowire.BytesType)
	dst = protowire.AppendVarint(dst, uint64(n))
	return appendEvent(dst, e, payload, bare)
}

// encodeItem is appendItem into memory of the right size, for items that many subscribers share.
func encodeItem(kind weirpb.ItemKind, e *weirpb.Event, payload []byte) []byte {
	n := eventSize(e, payload, kind == weirpb.ItemKind_ITEM_KIND_LEAVE)
	return appendItem(make([]byte, 0, n+itemOverhead), kind, e, payload)
}

// itemOverhead is the most that an item takes beyond its event: three tags, a kind and two lengths of at most 5 bytes.
const itemOverhead = 3 + 1 + 2*5

func eventSize(e *weirpb.Event, payload []byte, bare bool) int {
	n := sizeUint(eventOffset, e.GetOffset()) + sizeUint(eventTime, uint64(e.GetTimeMs())) + sizeString(eventKey, e.GetKey())
	if e.GetTombstone() {
		n += protowire.SizeTag(eventTombstone) + 1
	}
	if bare {
		return n
	}
	if len(payload) > 0 {
		n += protowire.SizeTag(eventPayload) + protowire.SizeBytes(len(payload))
	}
	n += sizeString(eventContentType, e.GetContentType())
	for _, h := range e.GetHeaders() {
		n += protowire.SizeTag(eventHeaders) + protowire.SizeBytes(headerSize(h))
	}
	return n
}

func appendEvent(dst []byte, e *weirpb.Event, payload []byte, bare bool) []byte {
	dst = appendUint(dst, eventOffset, e.GetOffset())
	dst = appendUint(dst, eventTime, uint64(e.GetTimeMs()))
	dst = appendString(dst, eventKey, e.GetKey())
	if e.GetTombstone() {
		dst = appendUint(dst, eventTombstone, 1)
	}
	if bare {
		return dst
	}
	if len(payload) > 0 {
		dst = protowire.AppendTag(dst, eventPayload, protowire.BytesType)
		dst = protowire.AppendBytes(dst, payload)
	}
	dst = appendString(dst, eventContentType, e.GetContentType())
	for _, h := range e.GetHeaders() {
		dst = protowire.AppendTag(dst, eventHeaders, protowire.BytesType)
		dst = protowire.AppendVarint(dst, uint64(headerSize(h)))
		dst = appendString(dst, headerName, h.GetName())
		dst = appendString(dst, headerValue, h.GetValue())
	}
	return dst
}

func headerSize(h *weirpb.Header) int {
	return sizeString(headerName, h.GetName()) + sizeString(headerValue, h.GetValue())
}

// sizeUint and its like leave out zero values, as proto3 does.
func sizeUint(field protowire.Number, v uint64) int {
	if v == 0 {
		return 0
	}
	return protowire.SizeTag(field) + protowire.SizeVarint(v)
}

func sizeString(field protowire.Number, s string) int {
	if s == "" {
		return 0
	}
	return protowire.SizeTag(field) + protowire.SizeBytes(len(s))
}

func appendUint(dst []byte, field protowire.Number, v uint64) []byte {
	if v == 0 {
		return dst
	}
	dst = protowire.AppendTag(dst, field, protowire.VarintType)
	return protowire.AppendVarint(dst, v)
}

func appendString(dst []byte, field protowire.Number, s string) []byte {
	if s == "" {
		return dst
	}
	dst = protowire.AppendTag(dst, field, protowire.BytesType)
	return protowire.AppendString(dst, s)
}
