package weir

import "encoding/binary"

// An Event is read in place, and valid during the call: filters/ABI.md, "The event".
type Event struct {
	bytes []byte
}

const (
	tombstone = 1 << 0
	ephemeral = 1 << 1
)

func (e Event) u32(at uint32) uint32 { return binary.LittleEndian.Uint32(e.bytes[at:]) }

func (e Event) span(at uint32) []byte {
	offset, size := e.u32(at), e.u32(at+4)
	return e.bytes[offset : offset+size : offset+size]
}

// Offset is the place in the channel's order; 0 for an ephemeral event.
func (e Event) Offset() uint64 { return binary.LittleEndian.Uint64(e.bytes) }

// TimeMs is in milliseconds since the Unix epoch.
func (e Event) TimeMs() int64 { return int64(binary.LittleEndian.Uint64(e.bytes[8:])) }

// Tombstone says whether the event deletes its key.
func (e Event) Tombstone() bool { return e.u32(16)&tombstone != 0 }

// Ephemeral says whether the event is passed on without being logged.
func (e Event) Ephemeral() bool { return e.u32(16)&ephemeral != 0 }

// Channel is the channel's name.
func (e Event) Channel() []byte { return e.span(24) }

// Key is empty for an event without one.
func (e Event) Key() []byte { return e.span(32) }

// ContentType is empty if it is unknown.
func (e Event) ContentType() []byte { return e.span(40) }

// Payload is what was published.
func (e Event) Payload() []byte { return e.span(48) }

// Headers returns how many headers there are.
func (e Event) Headers() int { return int(e.u32(20)) }

// Header returns header n, from 0 on.
func (e Event) Header(n int) (name, value []byte) {
	entry := e.u32(56) + 16*uint32(n)
	return e.span(entry), e.span(entry + 8)
}
