package session

import (
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"weir/proto/fault"
	"weir/proto/frame"
)

// An outbox holds the frames that wait for the control stream. Answers go there, so it is bounded by what the session lets
// a client ask for: the reader waits while it is full. Its writer runs while there is something to write and ends then:
// an idle session has one goroutine less.
type outbox struct {
	session *session
	stalled atomic.Int64 // when the present write began, nanoseconds since the Unix epoch; 0: none

	mu      sync.Mutex
	room    sync.Cond // less than outboxFull waits, or closed
	buf     []byte    // whole frames
	writing bool
	closed  bool
	flushed chan struct{} // closed after the last frame was written; nil before finish
}

func (o *outbox) init(s *session) {
	o.session = s
	o.room.L = &o.mu
}

// send puts a frame into the outbox. After close it is thrown away: nobody is there to read it.
func (o *outbox) send(t frame.Type, m proto.Message) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sendLocked(t, m)
}

func (o *outbox) sendLocked(t frame.Type, m proto.Message) {
	if o.closed {
		return
	}
	buf, err := frame.Append(o.buf, t, m)
	if err != nil {
		// Strings that are no UTF-8 can't be encoded; those of ours are checked where they come in.
		o.session.log.Error("a frame could not be encoded", "type", t, "err", err)
		return
	}
	o.buf = buf
	if !o.writing {
		o.writing = o.session.start(o.write)
	}
}

// finish sends the last frame. The channel is closed when it is written, or can't be.
func (o *outbox) finish(t frame.Type, m proto.Message) <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.sendLocked(t, m)
	o.closeLocked()
	flushed := make(chan struct{})
	if !o.writing {
		close(flushed)
		return flushed
	}
	o.flushed = flushed
	return flushed
}

// close takes no more frames.
func (o *outbox) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closeLocked()
}

func (o *outbox) closeLocked() {
	o.closed = true
	o.room.Broadcast()
}

// awaitRoom waits while the outbox is full.
func (o *outbox) awaitRoom() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.buf) >= outboxFull && !o.closed {
		o.room.Wait()
	}
}

// write writes until nothing waits.
func (o *outbox) write() {
	s := o.session
	for {
		o.mu.Lock()
		frames := o.buf
		o.buf = nil
		if len(frames) == 0 {
			o.writing = false
			if o.flushed != nil {
				close(o.flushed)
				o.flushed = nil
			}
			o.mu.Unlock()
			return
		}
		o.room.Broadcast()
		o.mu.Unlock()
		if err := s.timed(&o.stalled, frames, s.conn.WriteControl); err != nil {
			o.fail(err)
			return
		}
		s.host.cfg.Metrics.BytesOut.WithLabelValues("control").Add(float64(len(frames)))
	}
}

func (o *outbox) fail(err error) {
	o.mu.Lock()
	o.closeLocked()
	o.buf = nil
	if o.flushed != nil {
		close(o.flushed)
		o.flushed = nil
	}
	o.mu.Unlock()
	o.session.end(readFault(err))
}

// timed writes frames and takes note of how long that takes.
func (s *session) timed(stalled *atomic.Int64, frames []byte, write func([]byte) error) error {
	began := time.Now()
	stalled.Store(began.UnixNano())
	err := write(frames)
	stalled.Store(0)
	s.host.cfg.Metrics.WriteStall.Observe(time.Since(began).Seconds())
	return err
}

var errSlow = fault.New(fault.Timeout, "the client has not read for %s", stallMost).
	WithHint("read what arrives, or subscribe to less")
