package entry

import (
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"
)

// A fields walks over a message in the form that Encode gives it: fields in the order of their numbers, each once but for
// those that repeat. Of anything else it says that it is odd, for the library to read it.
type fields struct {
	rest []byte
	// repeats has the bits of the numbers that may come again.
	repeats uint32
	number  protowire.Number
	kind    protowire.Type
	odd     bool
}

// next goes to the next field, which one of the methods below takes.
func (f *fields) next() bool {
	if f.odd || len(f.rest) == 0 {
		return false
	}
	number, kind, n := protowire.ConsumeTag(f.rest)
	again := number == f.number && number < 32 && f.repeats>>number&1 != 0
	if n < 0 || number <= f.number && !again {
		f.odd = true
		return false
	}
	f.rest, f.number, f.kind = f.rest[n:], number, kind
	return true
}

func (f *fields) varint() uint64 {
	v, n := protowire.ConsumeVarint(f.rest)
	if f.kind != protowire.VarintType || n < 0 {
		f.odd = true
		return 0
	}
	f.rest = f.rest[n:]
	return v
}

// bytes returns what shares the message's memory.
func (f *fields) bytes() []byte {
	v, n := protowire.ConsumeBytes(f.rest)
	if f.kind != protowire.BytesType || n < 0 {
		f.odd = true
		return nil
	}
	f.rest = f.rest[n:]
	return v[:len(v):len(v)]
}

func (f *fields) text() []byte {
	v := f.bytes()
	if !utf8.Valid(v) {
		f.odd = true
	}
	return v
}
