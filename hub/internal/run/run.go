// Package run is the form in which consecutive events of a channel are stored as one row. Most of what a row costs does not
// depend on how long it is.
//
// A run of one event is the event's encoding (weirpb.Event). A run of several has each as field 15 of a message, which no
// event has. Offsets have no gaps, so a run needs only say its last, which its key does.
package run

import (
	"errors"
	"iter"

	"google.golang.org/protobuf/encoding/protowire"
)

// Bytes is how long a run gets: a read of any of its events takes all of it from the disk, and looks at its checksum. An event
// that is longer is a run of its own.
const Bytes = 16 << 10

// ErrMalformed says that a run is not what was written.
var ErrMalformed = errors.New("the run of events can't be read")

// framed begins each event in a run of several: the tag of field 15, as bytes.
const framed = 15<<3 | byte(protowire.BytesType)

// Append adds an event to a run of several.
func Append(dst, event []byte) []byte {
	return protowire.AppendBytes(append(dst, framed), event)
}

// Room is how much Append adds for an event of so many bytes.
func Room(event int) int { return 1 + protowire.SizeBytes(event) }

// Len returns how many events a run has. The error is ErrMalformed.
func Len(run []byte) (n int, err error) {
	for _, err := range Events(run) {
		if err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

// Events walks over a run's events, which share its memory. After an error, which is ErrMalformed, there are no others.
func Events(run []byte) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		if len(run) == 0 {
			yield(nil, ErrMalformed)
			return
		}
		if run[0] != framed {
			yield(run, nil)
			return
		}
		for rest := run; len(rest) > 0; {
			event, n := protowire.ConsumeBytes(rest[1:])
			if rest[0] != framed || n < 0 || len(event) == 0 {
				yield(nil, ErrMalformed)
				return
			}
			if rest = rest[1+n:]; !yield(event[:len(event):len(event)], nil) {
				return
			}
		}
	}
}
