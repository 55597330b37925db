package publication

import (
	"errors"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"weir/proto/weirpb"
)

// Read reads what has been encoded into p, which keeps what it does not mention. Fields that this version does not know are
// left out. p shares no memory with it.
func Read(encoded []byte, p *weirpb.Publication) error {
	return EachField(encoded, func(field protowire.Number, n uint64, value []byte) error {
		switch field {
		case channel:
			return setText(&p.Channel, value)
		case key:
			return setText(&p.Key, value)
		case payload:
			if value != nil {
				p.Payload = append(make([]byte, 0, len(value)), value...)
			}
		case contentType:
			return setText(&p.ContentType, value)
		case headers:
			return readHeader(p, value)
		case tombstone:
			if value == nil {
				p.Tombstone = protowire.DecodeBool(n)
			}
		case ack:
			if value == nil {
				p.Ack = weirpb.Ack(int32(n))
			}
		case producer:
			return setText(&p.Producer, value)
		case sequence:
			if value == nil {
				p.Sequence = n
			}
		}
		return nil
	})
}

// setText sets a text, unless value is nil: then the field is of another type.
func setText(to *string, value []byte) error {
	switch {
	case value == nil:
	case !utf8.Valid(value):
		return ErrText
	default:
		*to = string(value)
	}
	return nil
}

func readHeader(p *weirpb.Publication, value []byte) error {
	if value == nil {
		return nil
	}
	h := &weirpb.Header{}
	p.Headers = append(p.Headers, h)
	return proto.UnmarshalOptions{DiscardUnknown: true}.Unmarshal(value, h)
}

var errField = errors.New("there is no field of this number")

// EachField calls f with the fields of a message that are a number (then value is nil) or bytes (then it is not), and passes
// over all others.
func EachField(encoded []byte, f func(field protowire.Number, n uint64, value []byte) error) error {
	for len(encoded) > 0 {
		field, kind, size := protowire.ConsumeTag(encoded)
		if size < 0 {
			return protowire.ParseError(size)
		}
		if field > protowire.MaxValidNumber {
			return errField
		}
		encoded = encoded[size:]
		var n uint64
		var value []byte
		switch kind {
		case protowire.VarintType:
			n, size = protowire.ConsumeVarint(encoded)
		case protowire.BytesType:
			if value, size = protowire.ConsumeBytes(encoded); value == nil {
				value = []byte{}
			}
		default:
			if size = protowire.ConsumeFieldValue(field, kind, encoded); size >= 0 {
				encoded = encoded[size:]
				continue
			}
		}
		if size < 0 {
			return protowire.ParseError(size)
		}
		encoded = encoded[size:]
		if err := f(field, n, value); err != nil {
			return err
		}
	}
	return nil
}
