package mesh

import (
	"time"

	"github.com/quic-go/quic-go"
)

// Protocol is the mesh's name in the TLS handshake (ALPN, RFC 7301).
const Protocol = "weir-mesh/1"

// Codes with which a connection (RFC 9000, section 20.2) is closed.
const (
	codeGoing     quic.ApplicationErrorCode = 0 // the node is shutting down
	codeReplaced  quic.ApplicationErrorCode = 1 // there is a newer connection from the same node
	codeFull      quic.ApplicationErrorCode = 2 // too many nodes
	codeSelf      quic.ApplicationErrorCode = 3 // the peer has this node's own name
	codeRemoved   quic.ApplicationErrorCode = 4 // the peer is no longer of this region
	codeCallEnded quic.ApplicationErrorCode = 5 // the connection was for one call
)

// Codes with which a stream is reset.
const (
	resetClosed    quic.StreamErrorCode = 0 // nobody reads or writes it any more
	resetMalformed quic.StreamErrorCode = 1 // its header can't be read
	resetGroup     quic.StreamErrorCode = 2 // this node does not take part in the group
	resetFull      quic.StreamErrorCode = 3 // too many wait for being accepted
	resetRefused   quic.StreamErrorCode = 4 // the node is not admitted to the group
	resetAborted   quic.StreamErrorCode = 5 // closed in the middle of something
)

const (
	// keepAlive is how often a silent connection shows that it lives, and idle when a silent peer is given up: below a
	// second and a half for one that has vanished. Raft's heartbeats are more frequent, so it is only where no group of two
	// nodes has its leader on one of them that a keep-alive is sent at all.
	keepAlive = 300 * time.Millisecond
	idle      = 1200 * time.Millisecond
	// handshake is how long a peer may be silent while connecting; all of it may take twice as long.
	handshake = 1200 * time.Millisecond

	// maxStreams bounds what one node may have open at another: five or so for each group.
	maxStreams = 1024

	// streamWindow is what a peer may send on one stream ahead of its reader, in bytes. An entry has up to 256 KiB.
	streamWindow, maxStreamWindow = 512 << 10, 4 << 20
	// connWindow is the same for all streams together. It is so large that no number of streams that nobody reads just now
	// (snapshots, appends that wait for the disk) can use up what a heartbeat needs: that of all streams of 64 groups. It is
	// a permission, not memory.
	connWindow = 64 * 4 * maxStreamWindow
)

func quicConfig() *quic.Config {
	return &quic.Config{
		HandshakeIdleTimeout: handshake, MaxIdleTimeout: idle, KeepAlivePeriod: keepAlive,
		InitialStreamReceiveWindow: streamWindow, MaxStreamReceiveWindow: maxStreamWindow,
		InitialConnectionReceiveWindow: connWindow, MaxConnectionReceiveWindow: connWindow,
		MaxIncomingStreams: maxStreams, MaxIncomingUniStreams: -1,
	}
}
