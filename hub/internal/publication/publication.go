// Package publication writes and reads weirpb.Publication by hand, as each event is written and read several times on its
// way: on the link to the hub, and in the log. Tests hold it to what Protocol Buffers make of the same.
package publication

import (
	"errors"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"weir/proto/weirpb"
)

// Fields of weirpb.Publication and weirpb.Header.
const (
	channel, key, payload, contentType, headers, tombstone, ack, producer, sequence = 1, 2, 3, 4, 5, 6, 7, 8, 9

	headerName, headerValue = 1, 2
)

// ErrText is returned for text that is not UTF-8.
var ErrText = errors.New("text that is not UTF-8")

// Size returns how many bytes Append appends.
func Size(p *weirpb.Publication) int {
	if p == nil {
		return 0
	}
	n := sizeBytes(len(p.Channel)) + sizeBytes(len(p.Key)) + sizeBytes(len(p.Payload)) + sizeBytes(len(p.ContentType)) +
		sizeUint(protowire.EncodeBool(p.Tombstone)) + sizeUint(uint64(p.Ack)) + sizeBytes(len(p.Producer)) + sizeUint(p.Sequence)
	for _, h := range p.Headers {
		n += 1 + protowire.SizeBytes(sizeHeader(h))
	}
	return n
}

// sizeBytes is the size of a field of n bytes, which is left out if there are none. All numbers of fields take one byte.
func sizeBytes(n int) int {
	if n == 0 {
		return 0
	}
	return 1 + protowire.SizeBytes(n)
}

func sizeUint(n uint64) int {
	if n == 0 {
		return 0
	}
	return 1 + protowire.SizeVarint(n)
}

func sizeHeader(h *weirpb.Header) int {
	return sizeBytes(len(h.GetName())) + sizeBytes(len(h.GetValue()))
}

// Append appends a publication as Protocol Buffers write it, without fields that this version does not know. The error is
// ErrText.
func Append(dst []byte, p *weirpb.Publication) ([]byte, error) {
	if p == nil {
		return dst, nil
	}
	if !utf8.ValidString(p.Channel) || !utf8.ValidString(p.Key) || !utf8.ValidString(p.ContentType) || !utf8.ValidString(p.Producer) {
		return nil, ErrText
	}
	dst = appendText(dst, channel, p.Channel)
	dst = appendText(dst, key, p.Key)
	if len(p.Payload) > 0 {
		dst = protowire.AppendBytes(protowire.AppendTag(dst, payload, protowire.BytesType), p.Payload)
	}
	dst = appendText(dst, contentType, p.ContentType)
	for _, h := range p.Headers {
		if !utf8.ValidString(h.GetName()) || !utf8.ValidString(h.GetValue()) {
			return nil, ErrText
		}
		dst = protowire.AppendVarint(protowire.AppendTag(dst, headers, protowire.BytesType), uint64(sizeHeader(h)))
		dst = appendText(appendText(dst, headerName, h.GetName()), headerValue, h.GetValue())
	}
	dst = appendUint(dst, tombstone, protowire.EncodeBool(p.Tombstone))
	dst = appendUint(dst, ack, uint64(p.Ack))
	dst = appendText(dst, producer, p.Producer)
	return appendUint(dst, sequence, p.Sequence), nil
}

func appendText(dst []byte, field protowire.Number, text string) []byte {
	if text == "" {
		return dst
	}
	return protowire.AppendString(protowire.AppendTag(dst, field, protowire.BytesType), text)
}

func appendUint(dst []byte, field protowire.Number, n uint64) []byte {
	if n == 0 {
		return dst
	}
	return protowire.AppendVarint(protowire.AppendTag(dst, field, protowire.VarintType), n)
}
