package edgeclient

import (
	"sync"
)

const (
	// maxMessage is up to where frames are sent together, in bytes: edges take little more at once over WebSocket.
	maxMessage = 32 << 10
	// outboxRoom is up to where publications are put into the outbox, in bytes: what waits in the publisher instead may
	// still be called back.
	outboxRoom = 128 << 10
	// maxOutbox is where a session is given up, in bytes. Subscriptions, publications and one ping have bounds of their
	// own below it: only a server that floods with pings and does not read comes here.
	maxOutbox = 16 << 20
)

// outbox holds encoded frames for the session's writer, in order. It is safe for concurrent use.
type outbox struct {
	mu     sync.Mutex
	frames [][]byte // guarded by mu
	bytes  int      // guarded by mu

	ready chan struct{} // holds a token when there is something
}

func newOutbox() *outbox { return &outbox{ready: make(chan struct{}, 1)} }

// put appends an encoded frame. It returns false if there is no room.
func (o *outbox) put(encoded []byte) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.bytes+len(encoded) > maxOutbox {
		return false
	}
	o.frames = append(o.frames, encoded)
	o.bytes += len(encoded)
	select {
	case o.ready <- struct{}{}:
	default:
	}
	return true
}

// room reports whether publications may be put.
func (o *outbox) room() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.bytes < outboxRoom
}

// take replaces dst by what to write next: as many whole frames as go together. It is empty if there is nothing.
func (o *outbox) take(dst []byte) []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	dst = dst[:0]
	for len(o.frames) > 0 && (len(dst) == 0 || len(dst)+len(o.frames[0]) <= maxMessage) {
		dst = append(dst, o.frames[0]...)
		o.frames[0] = nil
		o.frames = o.frames[1:]
	}
	o.bytes -= len(dst)
	return dst
}
