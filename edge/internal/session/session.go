package session

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"weir/edge/internal/transport"
	"weir/edge/token"
)

// A session is one client's. Its reader, the goroutine of serve, handles one frame after the other; what takes time is
// done elsewhere: by a worker per subscription that has something to do, by the writers of the two streams, by the clock.
// Whoever ends it gives the cause; the first one holds.
type session struct {
	host *Host
	conn transport.Conn
	id   string
	log  *slog.Logger

	// ctx ends, with the cause, when the session does, and only then. connCtx is the connection's.
	ctx     context.Context
	cancel  context.CancelCauseFunc
	connCtx context.Context
	// tasks are all goroutines but the reader's.
	tasks sync.WaitGroup
	// farewell is the one that says goodbye and closes the connection.
	ending   sync.Once
	farewell sync.WaitGroup

	counted   string // the tenant that it is counted for; guarded by host.mu
	producers producers
	began     time.Time

	claims   atomic.Pointer[token.Claims] // nil before WELCOME
	heard    atomic.Int64                 // when the last frame came, nanoseconds since the Unix epoch
	inFlight atomic.Int32                 // publications without answer
	refusals atomic.Int64                 // requests refused
	// explaining counts EXPLAIN without answer.
	explaining atomic.Int32

	out   outbox
	data  delivery
	clock clock

	mu            sync.Mutex
	ended         bool // no task begins any more
	subscriptions map[uint32]*subscription
	decides       uint64 // mirror.State.Decides as it was looked at last
}

func newSession(ctx context.Context, h *Host, conn transport.Conn) *session {
	var id [8]byte
	rand.Read(id[:])
	s := &session{
		host: h, conn: conn, id: hex.EncodeToString(id[:]), connCtx: ctx, began: time.Now(),
		subscriptions: make(map[uint32]*subscription),
	}
	s.ctx, s.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	s.log = h.cfg.Logger.With("session", s.id, "remote", conn.RemoteAddr().String(), "transport", conn.Transport())
	s.out.init(s)
	s.data.init(s)
	s.clock.session = s
	s.heard.Store(time.Now().UnixNano())
	return s
}

// serve runs the session to its end.
func (s *session) serve() {
	defer context.AfterFunc(s.connCtx, s.connEnded)()
	if s.hello() {
		s.host.cfg.Metrics.Sessions.WithLabelValues(s.conn.Transport()).Inc()
		s.clock.start()
		s.recheck(s.host.cfg.Mirror.State()) // it may have changed since hello looked
		s.read()
		s.logEnd()
		s.host.cfg.Metrics.Sessions.WithLabelValues(s.conn.Transport()).Dec()
	}
	s.wait()
}

// start runs a task of the session, unless it has ended.
func (s *session) start(task func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return false
	}
	s.tasks.Go(task)
	return true
}

// wait returns when nothing of the session is left, which it ends if nobody has.
func (s *session) wait() {
	s.end(errLost)
	s.farewell.Wait()
	s.clock.stop()
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.tasks.Wait()
	for _, u := range s.all() {
		u.close()
	}
}

// cause returns why the session ends, nil while it does not.
func (s *session) cause() error {
	if s.ctx.Err() == nil {
		return nil
	}
	return context.Cause(s.ctx)
}

// connEnded ends the session if the server has made its connection end. Where the connection is lost the reader finds out
// by itself, and knows whether the client has left in good order.
func (s *session) connEnded() {
	if cause := context.Cause(s.connCtx); tellable(cause) != nil {
		s.end(cause)
	}
}

// end ends the session. If cause is a fault, the client is told so. It does not wait.
func (s *session) end(cause error) {
	s.ending.Do(func() {
		s.cancel(cause)
		s.farewell.Go(func() {
			s.sayGoodbye(s.cause())
			s.conn.Close(tellable(s.cause()))
		})
	})
}

// endAfter is end after a while.
func (s *session) endAfter(d time.Duration, cause error) {
	if d <= 0 {
		s.end(cause)
		return
	}
	s.start(func() {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			s.end(cause)
		case <-s.ctx.Done():
		}
	})
}
