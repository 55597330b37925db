package edgeclient

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"weir/proto/fault"
	"weir/proto/frame"
	"weir/proto/weirpb"
)

// errRenew ends a session so that another one gets a fresh producer identity.
var errRenew = errors.New("a fresh producer identity is needed")

// welcomeTimeout is how long the server may take to answer HELLO.
const welcomeTimeout = 10 * time.Second

// session is one connection to an edge, from HELLO on.
type session struct {
	client *Client
	link   link
	token  string
	out    *outbox
	kick   chan struct{} // holds a token when tend should look again

	ctx    context.Context // ends with the session
	cancel context.CancelCauseFunc
	tasks  sync.WaitGroup

	began time.Time
	heard atomic.Int64 // when the last frame came, nanoseconds since began

	refreshing atomic.Bool // a token is being got

	// Guarded by client.mu.
	established time.Time // zero before WELCOME
	limits      limits
	tokenUntil  time.Time     // when the token expires, where refreshAt is not zero
	refreshAt   time.Time     // when to get a fresh token; zero: never
	serverAhead time.Duration // by how much the server's clock is ahead of ours
	byID        map[uint32]*Subscription
	lastID      uint32
	explains    bool                              // the server gives explanations
	asked       map[uint32]chan *weirpb.Explained // EXPLAIN without answer; each holds one
	lastAsked   uint32
}

// limits are those of WELCOME, within reason.
type limits struct {
	frame, payload, subscriptions, publishes int
	ping                                     time.Duration
}

func newSession(c *Client, l link, token string) *session {
	s := &session{
		client: c, link: l, token: token, out: newOutbox(), kick: make(chan struct{}, 1),
		began: time.Now(), byID: make(map[uint32]*Subscription), asked: make(map[uint32]chan *weirpb.Explained),
	}
	s.ctx, s.cancel = context.WithCancelCause(c.ctx)
	return s
}

// run serves the session until it ends, and returns why.
func (s *session) run() error {
	c := s.client
	c.mu.Lock()
	hello := &weirpb.Hello{Token: s.token, Agent: c.cfg.Agent, Producer: c.pub.Hello()}
	c.mu.Unlock()
	s.send(frame.Hello, hello)

	// close may wait for the peer, so nobody who reports the end should have to.
	s.tasks.Go(func() {
		<-s.ctx.Done()
		s.link.close()
	})
	s.tasks.Go(s.writeOut)
	s.tasks.Go(s.tend)
	s.link.read(s.handle, s.end)
	s.tasks.Wait()
	s.detach()
	return context.Cause(s.ctx)
}

// end ends the session; the first reason counts.
func (s *session) end(err error) { s.cancel(err) }

// stood returns for how long the session was established.
func (s *session) stood() time.Duration {
	s.client.mu.Lock()
	defer s.client.mu.Unlock()
	if s.established.IsZero() {
		return 0
	}
	return max(time.Since(s.established), 1)
}

// send puts a frame into the outbox.
func (s *session) send(t frame.Type, m proto.Message) {
	encoded, err := frame.Append(nil, t, m)
	if err != nil { // only strings that are not UTF-8 can't be encoded, and those are checked
		s.end(fault.New(fault.Internal, "a %s frame can't be encoded", t).WithCause(err))
		return
	}
	if !s.out.put(encoded) {
		s.end(fault.New(fault.ProtocolViolation, "the server does not read, and demands more than %d bytes", maxOutbox))
	}
}

// writeOut writes what is in the outbox.
func (s *session) writeOut() {
	var message []byte
	for {
		select {
		case <-s.out.ready:
		case <-s.ctx.Done():
			return
		}
		for message = s.out.take(message); len(message) > 0; message = s.out.take(message) {
			if err := s.link.write(message); err != nil {
				s.end(err)
				return
			}
			s.client.pump(s)
		}
	}
}

// detach takes the session away from the client.
func (s *session) detach() {
	c := s.client
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, sub := range s.byID {
		sub.detach()
	}
	clear(s.byID)
	s.unexplained()
	if c.session == s {
		c.session = nil
		c.pub.Lost()
		c.signal()
	}
}

// wakeTend makes tend look again what there is to do, and when.
func (s *session) wakeTend() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}
