package frame

import "fmt"

// A Type says which message the body of a frame is.
type Type uint64

// Frames that a client sends.
const (
	Hello       Type = 0x01
	Subscribe   Type = 0x02
	Params      Type = 0x03
	Unsubscribe Type = 0x04
	Publish     Type = 0x05
	Refresh     Type = 0x06
	Explain     Type = 0x07
)

// Frames that either side sends.
const (
	Ping Type = 0x20
	Pong Type = 0x21
)

// Frames that a server sends.
const (
	Welcome      Type = 0x30
	Subscribed   Type = 0x31
	Unsubscribed Type = 0x32
	Published    Type = 0x33
	Refreshed    Type = 0x34
	Error        Type = 0x35
	Goodbye      Type = 0x36
	Batch        Type = 0x37
	Explained    Type = 0x38
)

// maxType keeps types to one byte of a variable-length integer, so that noise is told from a newer protocol early.
const maxType = 0x3f

var names = map[Type]string{
	Hello: "HELLO", Subscribe: "SUBSCRIBE", Params: "PARAMS", Unsubscribe: "UNSUBSCRIBE", Publish: "PUBLISH",
	Refresh: "REFRESH", Ping: "PING", Pong: "PONG", Welcome: "WELCOME", Subscribed: "SUBSCRIBED",
	Unsubscribed: "UNSUBSCRIBED", Published: "PUBLISHED", Refreshed: "REFRESHED", Error: "ERROR", Goodbye: "GOODBYE",
	Batch: "BATCH", Explain: "EXPLAIN", Explained: "EXPLAINED",
}

// String returns the name that SPEC.md uses.
func (t Type) String() string {
	if name, ok := names[t]; ok {
		return name
	}
	return fmt.Sprintf("frame type %#x", uint64(t))
}
