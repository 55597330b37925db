// Package producer makes and reads producer identities: who a publication comes from, so that a retry of it is told from
// a second one. An identity is "<unix milliseconds in base 36>-<32 hexadecimal digits>"; the time in it says whether a
// hub that does not know the producer has never heard of it or has forgotten it.
package producer

import (
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"weir/proto/fault"
)

// MaxLength is the longest identity, in bytes: 13 base-36 digits hold any time, then "-" and the random part.
const MaxLength = 13 + 1 + 2*randomBytes

// randomBytes makes identities unguessable: knowing another's would let a publisher use up its sequence numbers.
const randomBytes = 16

// New returns an identity issued at now, with 16 bytes from random, which must not fail, as crypto/rand.Reader never does.
func New(now time.Time, random io.Reader) string {
	var noise [randomBytes]byte
	if _, err := io.ReadFull(random, noise[:]); err != nil {
		panic(fmt.Sprintf("producer: the source of randomness failed: %v", err))
	}
	return strconv.FormatInt(max(0, now.UnixMilli()), 36) + "-" + hex.EncodeToString(noise[:])
}

// Parse returns when an identity was issued, to the millisecond. There is one spelling of each identity, in lower case.
// The error is a *fault.Fault with code invalid_argument.
func Parse(id string) (issued time.Time, err error) {
	if len(id) > MaxLength {
		return time.Time{}, malformed("it has %d bytes, at most %d are possible", len(id), MaxLength)
	}
	stamp, noise, found := strings.Cut(id, "-")
	if !found {
		return time.Time{}, malformed("there is no \"-\" in it")
	}
	ms, err := strconv.ParseInt(stamp, 36, 64)
	if err != nil || !canonical(stamp) {
		return time.Time{}, malformed("the part before \"-\" is no time in base 36")
	}
	if len(noise) != 2*randomBytes || !madeOf(noise, 'f') {
		return time.Time{}, malformed("the part after \"-\" is not 32 lower-case hexadecimal digits")
	}
	return time.UnixMilli(ms), nil
}

// canonical reports whether a number that can be parsed is spelled as strconv.FormatInt does: small letters, no sign, and no 0
// before it.
func canonical(stamp string) bool { return madeOf(stamp, 'z') && (stamp[0] != '0' || len(stamp) == 1) }

// madeOf reports whether there are nothing but digits and letters up to last.
func madeOf(text string, last byte) bool {
	for i := range len(text) {
		if c := text[i]; (c < '0' || c > '9') && (c < 'a' || c > last) {
			return false
		}
	}
	return true
}

func malformed(format string, args ...any) *fault.Fault {
	return fault.New(fault.InvalidArgument, "the producer is no identity: "+format, args...).
		WithHint("use one that the server granted: EventService.OpenProducer, or the welcome of a session")
}
