// Package linkwire is what both ends of the hub link must agree on: frame types, limits, close codes and windows.
// hub/link/DESIGN.md describes the protocol.
package linkwire

import (
	"time"

	"github.com/quic-go/quic-go"

	"weir/proto/frame"
)

// Protocol is the link's name in the TLS handshake (ALPN, RFC 7301).
const Protocol = "weir-link/1"

// Frames that an edge sends, each the first of a stream but PUBLISH, which follows HELLO. Their numbers are none of those of
// a client session, so that the two protocols can't be taken for each other.
const (
	Hello   frame.Type = 0x08
	Publish frame.Type = 0x09
	Follow  frame.Type = 0x0a
	Watch   frame.Type = 0x0b
	History frame.Type = 0x0c
	Module  frame.Type = 0x0d
	Canary  frame.Type = 0x0e
	Routes  frame.Type = 0x0f
	Call    frame.Type = 0x18 // of another hub alone
	Index   frame.Type = 0x1a
	Report  frame.Type = 0x1f
)

// Frames that a hub sends.
const (
	Welcome   frame.Type = 0x10
	Published frame.Type = 0x11
	Feed      frame.Type = 0x12
	Control   frame.Type = 0x13
	Page      frame.Type = 0x14
	Chunk     frame.Type = 0x15
	End       frame.Type = 0x16
	Table     frame.Type = 0x17
	Result    frame.Type = 0x19
	Indexed   frame.Type = 0x1b
)

// Longest frame bodies, in bytes.
const (
	// MaxRequest bounds the frames of an edge other than PUBLISH, and of a hub other than CALL.
	MaxRequest = 16 << 10
	// MaxPublish holds the largest publication that a session accepts.
	MaxPublish = frame.MaxFromClient
	// MaxPublished holds a receipt or a fault.
	MaxPublished = 16 << 10
	// MaxFeed is far above what a hub puts into one batch, a page of its window.
	MaxFeed = 8 << 20
	// MaxControl holds the control state of a region with a hundred thousand records.
	MaxControl = 64 << 20
	// MaxPage holds a page of history, cut at 1 MiB by the hub, with the event that went beyond.
	MaxPage = 2 << 20
	// MaxTable holds who leads what in a region of a few nodes and a few thousand shards.
	MaxTable = 256 << 10
	// MaxCall and MaxResult hold the largest request and answer of the server API: a module of 4 MiB, or a page of 1 MiB.
	MaxCall   = 8 << 20
	MaxResult = 8 << 20
	// MaxChunk bounds a piece of a module, MaxModule the whole.
	MaxChunk  = 64 << 10
	MaxModule = 8 << 20
)

// Codes with which a link (RFC 9000, section 20.2) or one of its streams is closed.
const (
	CodeDone      = 0 // the edge has gone, or nobody reads the stream any more
	CodeViolation = 1 // the peer has broken the protocol
	CodeGoing     = 2 // the hub is going away
	CodeInternal  = 3
	CodeRemoved   = 4 // the peer is a hub that was removed from the region
)

const (
	// keepAlive is how often an idle link shows that it lives; idle is when a silent one is given up.
	keepAlive = 3 * time.Second
	idle      = 10 * time.Second
	handshake = 5 * time.Second

	// maxStreams bounds what one edge may have open: the channels that it follows.
	maxStreams = 1 << 16

	// feedWindow is what a hub may send of one channel ahead of its reader. It starts small, for an edge may follow many.
	feedWindow, maxFeedWindow = 64 << 10, 512 << 10
	// feedsWindow is the same for all channels together: as much as all streams' first windows, so that no number of slow
	// readers can use up what the others need.
	feedsWindow = maxStreams * feedWindow

	// publishWindow is what an edge may send ahead of a hub that is busy.
	publishWindow, maxPublishWindow = 256 << 10, 4 << 20
)

// EdgeConfig returns how an edge speaks QUIC.
func EdgeConfig() *quic.Config {
	return &quic.Config{
		HandshakeIdleTimeout: handshake, MaxIdleTimeout: idle, KeepAlivePeriod: keepAlive,
		InitialStreamReceiveWindow: feedWindow, MaxStreamReceiveWindow: maxFeedWindow,
		InitialConnectionReceiveWindow: feedsWindow, MaxConnectionReceiveWindow: feedsWindow,
		MaxIncomingStreams: -1, MaxIncomingUniStreams: -1, // only edges open streams
	}
}

// HubConfig returns how a hub speaks QUIC.
func HubConfig() *quic.Config {
	return &quic.Config{
		HandshakeIdleTimeout: handshake, MaxIdleTimeout: idle, KeepAlivePeriod: keepAlive,
		InitialStreamReceiveWindow: publishWindow, MaxStreamReceiveWindow: maxPublishWindow,
		// Twice: the publish stream, full, must not keep the others' requests out.
		InitialConnectionReceiveWindow: 2 * maxPublishWindow, MaxConnectionReceiveWindow: 4 * maxPublishWindow,
		MaxIncomingStreams: maxStreams, MaxIncomingUniStreams: -1,
	}
}
