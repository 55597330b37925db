package transport

import (
	"unicode/utf8"

	"github.com/coder/websocket"
	"github.com/quic-go/quic-go/quicvarint"

	"weir/proto/fault"
)

// Longest reasons, in bytes: of a WebTransport close capsule (draft-ietf-webtrans-http3, section 6) and of a WebSocket
// close frame (RFC 6455, section 5.5, less the status).
const (
	maxCapsuleReason = 1024
	maxCloseReason   = 123
)

// closeCapsuleType is WT_CLOSE_SESSION's (draft-ietf-webtrans-http3, section 6).
const closeCapsuleType = 0x2843

// appendCloseCapsule appends the capsule (RFC 9297, section 3.2) that tells a client the code and reason of the end.
func appendCloseCapsule(dst []byte, f *fault.Fault) []byte {
	code, reason := sessionCode(f)
	dst = quicvarint.Append(dst, closeCapsuleType)
	dst = quicvarint.Append(dst, uint64(4+len(reason)))
	dst = append(dst, byte(code>>24), byte(code>>16), byte(code>>8), byte(code))
	return append(dst, reason...)
}

// sessionCode returns the WebTransport code and reason for a fault. Browsers lose them often enough that clients decide
// by GOODBYE; they are there for people who look at a connection from outside.
func sessionCode(f *fault.Fault) (code uint32, reason string) {
	if f == nil {
		return 0, ""
	}
	return 1, cut(f.Error(), maxCapsuleReason)
}

// closeStatus returns the WebSocket status (RFC 6455, section 7.4) and reason for a fault.
func closeStatus(f *fault.Fault) (websocket.StatusCode, string) {
	if f == nil {
		return websocket.StatusNormalClosure, ""
	}
	status := websocket.StatusPolicyViolation
	switch f.Code {
	case fault.Draining:
		status = websocket.StatusGoingAway
	case fault.FrameTooLarge:
		status = websocket.StatusMessageTooBig
	case fault.FrameMalformed, fault.FrameUnknown, fault.FrameUnexpected, fault.ProtocolViolation:
		status = websocket.StatusProtocolError
	case fault.Internal:
		status = websocket.StatusInternalError
	case fault.TooManySessions, fault.Unavailable, fault.Busy:
		status = websocket.StatusTryAgainLater
	}
	return status, cut(f.Error(), maxCloseReason)
}

// cut shortens s to at most n bytes of whole characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
