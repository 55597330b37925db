package session

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"

	"weir/proto/fault"
	"weir/proto/frame"
	"weir/proto/weirpb"
)

// Causes that are no faults: there is nobody to tell.
var (
	errClosedByClient = errors.New("the client closed the session")
	errLost           = errors.New("the connection was lost")
)

// tellable returns the fault that the client is told of, nil where it has gone.
func tellable(cause error) *fault.Fault {
	var f *fault.Fault
	if errors.As(cause, &f) {
		return f
	}
	return nil
}

// wire returns the form of a fault that crosses the wire; nil for nil. Messages may be a filter's own, and bytes that are
// no UTF-8 would keep the whole frame from being encoded.
func wire(f *fault.Fault) *weirpb.Fault {
	p := f.ToProto()
	if p != nil {
		p.Message, p.Hint = strings.ToValidUTF8(p.GetMessage(), "?"), strings.ToValidUTF8(p.GetHint(), "?")
	}
	return p
}

// label names a cause for metrics.
func label(cause error) string {
	switch f := tellable(cause); {
	case f != nil:
		return string(f.Code)
	case errors.Is(cause, errClosedByClient):
		return "closed"
	}
	return "lost"
}

// readFault says what an error of ReadFrame means: a fault for what the client did wrong, else that it has gone.
func readFault(err error) error {
	switch {
	case errors.Is(err, frame.ErrTooLarge):
		return fault.New(fault.FrameTooLarge, "a frame is longer than allowed").
			WithHint("WELCOME says how long a frame may be; HELLO at most %d bytes", frame.MaxHello).WithCause(err)
	case errors.Is(err, frame.ErrMalformed):
		return fault.New(fault.FrameMalformed, "the bytes received are no frame").WithCause(err)
	case errors.Is(err, io.EOF):
		return errClosedByClient
	}
	var f *fault.Fault
	if errors.As(err, &f) {
		return f
	}
	return fmt.Errorf("%w: %w", errLost, err)
}

// retryStopped is how long a client is told to wait at least, and twice that at most, whose edge has stopped without moving
// it before: it may be back by then.
const retryStopped = 500 * time.Millisecond

// sayGoodbye writes GOODBYE, after all that waits on the control stream, in bounded time.
func (s *session) sayGoodbye(cause error) {
	f := tellable(cause)
	if f == nil {
		s.out.close()
		return
	}
	if f.Code == fault.Draining && f.RetryAfter == 0 { // the transport has ended the session, and all others with it
		f = f.WithRetryAfter(retryStopped + rand.N(retryStopped))
	}
	flushed := s.out.finish(frame.Goodbye, &weirpb.Goodbye{Fault: wire(f)})
	timer := time.NewTimer(goodbyeTimeout)
	defer timer.Stop()
	select {
	case <-flushed:
	case <-timer.C:
	}
}

// refuse ends a session that was not welcomed, and says so in the log.
func (s *session) refuse(f *fault.Fault) {
	s.end(f)
	s.host.cfg.Metrics.Handshakes.WithLabelValues(string(f.Code)).Inc()
	s.log.Warn("session refused", "origin", s.conn.Origin(), "code", f.Code, "err", f, "cause", f.Cause)
}

// logEnd says in the log how a session ended.
func (s *session) logEnd() {
	cause := s.cause()
	s.host.cfg.Metrics.SessionsEnded.WithLabelValues(label(cause)).Inc()
	args := []any{"after", time.Since(s.began).Round(time.Millisecond).String(), "refusals", s.refusals.Load(), "err", cause}
	if f := tellable(cause); f != nil && f.Cause != nil {
		args = append(args, "cause", f.Cause)
	}
	s.log.Info("session ended", args...)
}

// logRefusals is how many refused requests of one session are logged; the rest is counted, and said when it ends.
const logRefusals = 50

// refused takes note of a refused request.
func (s *session) refused(what string, f *fault.Fault, args ...any) {
	s.host.cfg.Metrics.Refusals.WithLabelValues(string(f.Code)).Inc()
	if s.refusals.Add(1) > logRefusals {
		return
	}
	args = append(args, "code", f.Code, "err", f)
	if f.Cause != nil {
		args = append(args, "cause", f.Cause)
	}
	s.log.Info(what+" refused", args...)
}
