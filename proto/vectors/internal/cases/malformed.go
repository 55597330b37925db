package cases

import (
	"encoding/hex"
	"strings"

	"weir/proto/frame"
)

// What is wrong with malformed bytes.
const (
	Truncated   = "truncated"    // the stream ends within a frame
	TooLarge    = "too_large"    // the length exceeds the limit; nothing of the body may be read or allocated
	NoFrame     = "malformed"    // no frame at all
	UnknownType = "unknown_type" // a frame, of a type that this version does not have
	NoMessage   = "bad_message"  // a frame, whose body is no message of its type
)

// A Malformed is bytes that a decoder must refuse.
type Malformed struct {
	Name string `json:"name"`
	// Limit is the longest body that the decoder is told to accept, in bytes.
	Limit int    `json:"limit"`
	Hex   string `json:"hex"`
	Error string `json:"error"`
}

// MalformedInputs returns inputs that each must be refused, and as what.
func MalformedInputs() []Malformed {
	const limit = frame.MaxFromServer
	return []Malformed{
		{"a type without a length", limit, "20", Truncated},
		{"half a type", limit, "40", Truncated},
		{"half a length", limit, "2080", Truncated},
		{"half a body", limit, "200308d2", Truncated},
		{"no body", limit, "2003", Truncated},
		{"a length of the limit, no body", limit, "37" + "80100000", Truncated},
		{"one byte over the limit", limit, "37" + "80100001", TooLarge},
		{"one byte over a small limit", 2, "2003" + "08d209", TooLarge},
		{"the greatest length there is", limit, "37" + "ffffffffffffffff", TooLarge},
		{"a length beyond 32 bits", limit, "37" + "c000000100000000", TooLarge},
		{"a type of two bytes", limit, "4040" + "00", NoFrame},
		{"the greatest type there is", limit, "ffffffffffffffff" + "00", NoFrame},
		{"text", limit, hex.EncodeToString([]byte("GET /weir HTTP/1.1")), NoFrame},
		{"type 0", limit, "0000", UnknownType},
		{"a type that is not taken", limit, "3900", UnknownType},
		{"the last type of one byte", limit, "3f00", UnknownType},
		{"a field cut short", limit, "2002" + "08d2", NoMessage},
		{"a string longer than the body", limit, "0103" + "0a0561", NoMessage},
		{"a field number of 0", limit, "2002" + "0001", NoMessage},
		{"an endless varint", limit, "200c" + "08" + strings.Repeat("ff", 11), NoMessage},
		{"a wire type that does not exist", limit, "2002" + "0f01", NoMessage},
		{"a string that is not UTF-8", limit, "3003" + "0a01ff", NoMessage},
	}
}
