package session

import (
	"time"

	"weir/proto/frame"
	"weir/proto/weirpb"
)

// What a session may have, as WELCOME tells the client.
const (
	maxPayload       = 128 << 10 // bytes; the most that a namespace may allow
	maxSubscriptions = 64
	maxFilters       = 4 // of a subscription, besides pinned ones
	maxInFlight      = 256
	maxParams        = 16 << 10 // bytes
	maxPadding       = 1 << 10  // bytes of a PING
	// maxChanges is how many PARAMS of one subscription may wait for the one before.
	maxChanges = 16
)

// Times of a session.
const (
	helloTimeout = 5 * time.Second
	pingInterval = 10 * time.Second
	idleTimeout  = 30 * time.Second
	// stallMost is how long a write may be blocked by a client that does not read.
	stallMost = 30 * time.Second
	// tokenGrace is how long a session goes on after its token has expired or its signing key was revoked: time for a
	// REFRESH that is under way, and for clocks that differ.
	tokenGrace = 10 * time.Second
	// goodbyeTimeout bounds how long the last frames may take to be written.
	goodbyeTimeout = time.Second
)

// Sizes of what waits for a client, in bytes.
const (
	// outboxFull is how much may wait on the control stream before the client's next frame is read.
	outboxFull = 64 << 10
	// writeBytes is about how long a write of batches is: large ones are several times as fast as small ones.
	writeBytes = 16 << 10
	// turnBytes is how much one subscription may put into a write before the next has its turn.
	turnBytes = 8 << 10
)

func limits() *weirpb.Limits {
	return &weirpb.Limits{
		FrameBytes:        frame.MaxFromClient,
		PayloadBytes:      maxPayload,
		Subscriptions:     maxSubscriptions,
		Filters:           maxFilters,
		PublishesInFlight: maxInFlight,
		PingIntervalMs:    uint32(pingInterval.Milliseconds()),
		IdleTimeoutMs:     uint32(idleTimeout.Milliseconds()),
	}
}
