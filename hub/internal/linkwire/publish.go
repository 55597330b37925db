package linkwire

import (
	"fmt"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"weir/hub/internal/publication"
	"weir/proto/fault"
	"weir/proto/frame"
	"weir/proto/linkpb"
	"weir/proto/weirpb"
)

// The two frames of a publish stream are written and read by hand, as they are one for each event. What they mean is what
// proto/schema/weir/link/v1/link.proto says; tests compare.

// Fields of link.Publish and link.Published.
const (
	publishID, publishTenant, publishPublication, publishTerm = 1, 2, 3, 4
	publishedID, publishedReceipt, publishedFault             = 1, 2, 3
)

// PublishPrefix bounds what AppendPublish writes before the body that AppendPublication makes, in bytes, without the frame's
// header.
const PublishPrefix = 2 * (1 + maxVarintBytes)

// maxVarintBytes is the longest variable-length integer of Protocol Buffers.
const maxVarintBytes = 10

// AppendPublication appends those fields of a PUBLISH that all attempts have in common. It fails for text that is not UTF-8.
func AppendPublication(dst []byte, tenant string, p *weirpb.Publication) ([]byte, error) {
	if !utf8.ValidString(tenant) {
		return nil, fmt.Errorf("%w: the tenant is not UTF-8", frame.ErrMalformed)
	}
	size := publication.Size(p)
	if dst == nil {
		dst = make([]byte, 0, 2*(1+maxVarintBytes)+len(tenant)+size)
	}
	dst = protowire.AppendTag(dst, publishTenant, protowire.BytesType)
	dst = protowire.AppendString(dst, tenant)
	dst = protowire.AppendTag(dst, publishPublication, protowire.BytesType)
	dst = protowire.AppendVarint(dst, uint64(size))
	return publication.Append(dst, p)
}

// AppendPublish appends the PUBLISH frame of an attempt, whose body AppendPublication has made.
func AppendPublish(dst []byte, id, term uint64, body []byte) []byte {
	var space [PublishPrefix]byte
	prefix := appendUint(space[:0], publishID, id)
	prefix = appendUint(prefix, publishTerm, term)
	dst = frame.AppendHeader(dst, Publish, len(prefix)+len(body))
	return append(append(dst, prefix...), body...)
}

// appendUint appends a number, unless it is 0, as in Protocol Buffers.
func appendUint(dst []byte, field protowire.Number, n uint64) []byte {
	if n == 0 {
		return dst
	}
	return protowire.AppendVarint(protowire.AppendTag(dst, field, protowire.VarintType), n)
}

// ReadPublish reads the body of a PUBLISH into m, whose publication it replaces. A tenant that m has already is not copied
// again. The publication shares no memory with the body.
func ReadPublish(body []byte, m *linkpb.Publish) error {
	m.Id, m.Term, m.Publication = 0, 0, nil
	tenant := []byte{}
	err := publication.EachField(body, func(field protowire.Number, n uint64, value []byte) error {
		switch {
		case field == publishID && value == nil:
			m.Id = n
		case field == publishTerm && value == nil:
			m.Term = n
		case field == publishTenant && value != nil:
			tenant = value
		case field == publishPublication && value != nil:
			if m.Publication == nil {
				m.Publication = &weirpb.Publication{}
			}
			return publication.Read(value, m.Publication)
		}
		return nil
	})
	switch {
	case err != nil:
		return fmt.Errorf("%w: %s", frame.ErrMalformed, err)
	case !utf8.Valid(tenant):
		return fmt.Errorf("%w: the tenant is not UTF-8", frame.ErrMalformed)
	case m.Publication == nil:
		return fmt.Errorf("%w: PUBLISH without a publication", frame.ErrMalformed)
	}
	if m.Tenant != string(tenant) {
		m.Tenant = string(tenant)
	}
	return nil
}

// AppendReceipt appends the PUBLISHED frame of a publication that was accepted.
func AppendReceipt(dst []byte, id uint64, r *weirpb.Receipt) []byte {
	var space [5 * (1 + maxVarintBytes)]byte
	receipt := appendUint(space[:0], 1, r.GetEpoch())
	receipt = appendUint(receipt, 2, r.GetOffset())
	receipt = appendUint(receipt, 3, protowire.EncodeBool(r.GetDuplicate()))
	receipt = appendUint(receipt, 4, uint64(r.GetTimeMs()))
	var head [2 * (1 + maxVarintBytes)]byte
	prefix := appendUint(head[:0], publishedID, id)
	prefix = protowire.AppendTag(prefix, publishedReceipt, protowire.BytesType)
	prefix = protowire.AppendVarint(prefix, uint64(len(receipt)))
	dst = frame.AppendHeader(dst, Published, len(prefix)+len(receipt))
	return append(append(dst, prefix...), receipt...)
}

// An Outcome is what a PUBLISHED says: what became of the publication with an id, a receipt or a fault.
type Outcome struct {
	ID      uint64
	Receipt *weirpb.Receipt
	Fault   *fault.Fault
}

// ReadPublished reads the body of a PUBLISHED.
func ReadPublished(body []byte) (Outcome, error) {
	var o Outcome
	var refused *weirpb.Fault
	err := publication.EachField(body, func(field protowire.Number, n uint64, value []byte) error {
		switch {
		case field == publishedID && value == nil:
			o.ID = n
		case field == publishedReceipt && value != nil:
			if o.Receipt == nil {
				o.Receipt = &weirpb.Receipt{}
			}
			return readReceipt(value, o.Receipt)
		case field == publishedFault && value != nil:
			if refused == nil {
				refused = &weirpb.Fault{}
			}
			return proto.UnmarshalOptions{DiscardUnknown: true, Merge: true}.Unmarshal(value, refused)
		}
		return nil
	})
	if err != nil {
		return Outcome{}, fmt.Errorf("%w: %s", frame.ErrMalformed, err)
	}
	o.Fault = fault.FromProto(refused)
	return o, nil
}

func readReceipt(encoded []byte, r *weirpb.Receipt) error {
	return publication.EachField(encoded, func(field protowire.Number, n uint64, value []byte) error {
		switch {
		case value != nil: // of a type that none of these has
		case field == 1:
			r.Epoch = n
		case field == 2:
			r.Offset = n
		case field == 3:
			r.Duplicate = protowire.DecodeBool(n)
		case field == 4:
			r.TimeMs = int64(n)
		}
		return nil
	})
}
