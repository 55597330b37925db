package entry

import "google.golang.org/protobuf/encoding/protowire"

// A Publication is one of an Append, as it lies in the entry: its slices share the entry's memory.
type Publication struct {
	// Settings is the place of its namespace's among those of the Append, -1 where the entry names none or has no
	// publication.
	Settings                                     int
	Channel, Key, Payload, ContentType, Producer []byte
	// headers are fields 5 of the publication, one after another.
	headers   []byte
	Tombstone bool
	Sequence  uint64
}

// readSubmission reads a logpb.Submission. It reports whether that has the form that Encode gives it.
func (p *Publication) readSubmission(body []byte) bool {
	*p = Publication{}
	there := false
	f := fields{rest: body}
	for f.next() {
		switch f.number {
		case 1:
			p.Settings = int(uint32(f.varint()))
		case 2:
			there = true
			if !p.read(f.bytes()) {
				return false
			}
		default:
			return false
		}
	}
	if !there {
		p.Settings = -1
	}
	return !f.odd
}

// read reads a weirpb.Publication.
func (p *Publication) read(body []byte) bool {
	f := fields{rest: body, repeats: 1 << 5}
	var headers []byte
	for f.next() {
		switch f.number {
		case 1:
			p.Channel = f.text()
		case 2:
			p.Key = f.text()
		case 3:
			p.Payload = f.bytes()
		case 4:
			p.ContentType = f.text()
		case 5:
			if headers == nil {
				headers = f.rest
			}
			if !isHeader(f.bytes()) {
				return false
			}
			p.headers = headers[:len(headers)-len(f.rest)]
		case 6:
			p.Tombstone = protowire.DecodeBool(f.varint())
		case 7:
			f.varint() // the ack: what is logged has one
		case 8:
			p.Producer = f.text()
		case 9:
			p.Sequence = f.varint()
		default:
			return false
		}
	}
	return !f.odd
}

// isHeader reports whether a weirpb.Header has the form in which it is stored.
func isHeader(body []byte) bool {
	f := fields{rest: body}
	for f.next() {
		if f.number > 2 || len(f.text()) == 0 {
			return false
		}
	}
	return !f.odd
}

// AppendEvent appends the weirpb.Event that a publication becomes, in the one form that the library would give it.
func (p *Publication) AppendEvent(dst []byte, offset uint64, timeMs int64) []byte {
	dst = appendNumber(dst, 1, offset)
	dst = appendNumber(dst, 2, uint64(timeMs))
	dst = appendBytes(dst, 3, p.Key)
	dst = appendBytes(dst, 4, p.Payload)
	dst = appendBytes(dst, 5, p.ContentType)
	for rest := p.headers; len(rest) > 0; {
		header, n := protowire.ConsumeBytes(rest)
		dst = protowire.AppendBytes(protowire.AppendTag(dst, 6, protowire.BytesType), header)
		if rest = rest[n:]; len(rest) > 0 {
			_, _, n = protowire.ConsumeTag(rest)
			rest = rest[n:]
		}
	}
	return appendNumber(dst, 7, protowire.EncodeBool(p.Tombstone))
}

// EventBytes is what AppendEvent appends at most.
func (p *Publication) EventBytes() int {
	const others = 2*(1+10) + 3*(1+5) + 2
	return others + len(p.Key) + len(p.Payload) + len(p.ContentType) + len(p.headers) + 1
}

func appendNumber(dst []byte, number protowire.Number, v uint64) []byte {
	if v == 0 {
		return dst
	}
	return protowire.AppendVarint(protowire.AppendTag(dst, number, protowire.VarintType), v)
}

func appendBytes(dst []byte, number protowire.Number, v []byte) []byte {
	if len(v) == 0 {
		return dst
	}
	return protowire.AppendBytes(protowire.AppendTag(dst, number, protowire.BytesType), v)
}
