package hubclient

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"
	"time"

	"github.com/quic-go/quic-go"

	"weir/hub/internal/linkwire"
	"weir/hub/internal/outbox"
	"weir/proto/fault"
	"weir/proto/linkpb"
)

// A session is one connection to a node of the hub, with its publish stream; or the node that this process is.
type session struct {
	client      *Client
	node, agent string
	number      outbox.Session // set once, before it is used
	wake        chan struct{}  // holds at most one token: the outbox has something for it
	local       *Local         // nil: the node is another process

	conn      *quic.Conn
	publishes *quic.Stream
	answers   *linkwire.Reader
	reports   bool // the hub takes reports
	indexes   bool // the hub says how far its control state is
	violated  sync.Once
}

// connect opens a connection to the node at addr. It is up once the hub has said so: before, it may still refuse the
// client's certificate.
func (c *Client) connect(addr string) (s *session, err error) {
	defer func() { c.metrics.connected(err) }()
	ctx, cancel := context.WithTimeout(c.running, connecting)
	defer cancel()
	remote, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return nil, fmt.Errorf("resolve the hub's address: %w", err)
	}
	conn, err := c.transport.Dial(ctx, remote, c.cfg.TLS, linkwire.EdgeConfig())
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	s = &session{client: c, conn: conn, wake: make(chan struct{}, 1)}
	if err := s.greet(ctx); err != nil {
		_ = conn.CloseWithError(closeCode(err), "")
		return nil, fmt.Errorf("greet the hub: %w", err)
	}
	return s, nil
}

// closeCode is what a connection is closed with from this side.
func closeCode(err error) quic.ApplicationErrorCode {
	if linkwire.IsViolation(err) {
		return linkwire.CodeViolation
	}
	return linkwire.CodeDone
}

func (s *session) greet(ctx context.Context) (err error) {
	if s.publishes, err = s.conn.OpenStream(); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = s.publishes.SetDeadline(time.Unix(1, 0)) })()
	hello := &linkpb.Hello{Agent: s.client.cfg.Agent}
	if err := linkwire.NewWriter(s.publishes).Send(linkwire.Hello, hello, linkwire.MaxRequest); err != nil {
		return err
	}
	s.answers = linkwire.NewPublishReader(s.publishes, linkwire.MaxPublished)
	welcome := &linkpb.Welcome{}
	if err := s.answers.Answer(linkwire.Welcome, welcome); err != nil {
		return err
	}
	s.node, s.agent = welcome.GetNode(), welcome.GetAgent()
	s.reports, s.indexes = welcome.GetReports(), welcome.GetControlIndex()
	return nil
}

// address returns where the node is.
func (s *session) address() string {
	if s.local != nil {
		return "this process"
	}
	return s.conn.RemoteAddr().String()
}

// run publishes, takes answers and learns the routes until the node is lost or ctx ends, and returns why.
func (s *session) run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	var others sync.WaitGroup
	defer others.Wait()
	defer stop()
	others.Go(func() { s.watchRoutes(ctx) })
	if s.local != nil {
		s.local.run(ctx, s)
		return nil
	}
	defer s.close(nil)
	defer context.AfterFunc(ctx, func() { s.close(nil) })()
	others.Go(s.write)
	err := s.read()
	s.violation(err)
	if cause := context.Cause(s.conn.Context()); cause != nil {
		return cause
	}
	return err
}

// routesAgain is how long to wait before a node is asked again who leads what.
const routesAgain = 500 * time.Millisecond

// watchRoutes learns who leads what until ctx ends.
func (s *session) watchRoutes(ctx context.Context) {
	learn := func(table *linkpb.Routes) error { s.client.learn(s, table); return nil }
	for ctx.Err() == nil {
		if s.local != nil {
			_ = s.local.Hub.WatchRoutes(ctx, learn)
		} else {
			_ = ask(ctx, s, linkwire.Routes, &linkpb.WatchRoutes{}, linkwire.Table, linkwire.MaxTable, learn)
		}
		select {
		case <-time.After(routesAgain):
		case <-ctx.Done():
		case <-s.ended():
			return
		}
	}
}

// ended is closed when the connection is.
func (s *session) ended() <-chan struct{} {
	if s.local != nil {
		return s.client.running.Done()
	}
	return s.conn.Context().Done()
}

// lost reports whether the connection is closed.
func (s *session) lost() bool {
	select {
	case <-s.ended():
		return true
	default:
		return false
	}
}

func (s *session) close(err error) {
	if s.local != nil {
		return
	}
	reason := ""
	if err != nil {
		reason = err.Error()
	}
	_ = s.conn.CloseWithError(closeCode(err), reason)
}

// violation closes the connection if err says that the hub has broken the protocol, with one line of log.
func (s *session) violation(err error) {
	if linkwire.IsViolation(err) {
		s.violated.Do(func() {
			s.client.log.Error("the hub breaks the protocol of the link, the connection is closed", "node", s.node, "reason", err)
			s.close(err)
		})
	}
}

func (s *session) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// read takes answers, those that have come together at once. It returns why there are no more.
func (s *session) read() error {
	var answers []linkwire.Outcome
	for {
		var err error
		answers, err = s.readAhead(answers[:0])
		s.client.update(func(now time.Time) {
			for _, a := range answers {
				s.client.box.Answer(now, a.ID, a.Receipt, a.Fault)
			}
		})
		if err != nil {
			return err
		}
		clear(answers)
	}
}

// readAhead waits for an answer and appends it and those that have been read with it. The answers count also where there is
// an error.
func (s *session) readAhead(answers []linkwire.Outcome) ([]linkwire.Outcome, error) {
	for {
		body, err := s.answers.AnswerBody(linkwire.Published)
		var end *linkwire.Ended
		switch {
		case errors.As(err, &end) && end.Fault != nil:
			return answers, end.Fault // the hub is going away, and has answered what it had accepted
		case err != nil:
			return answers, err
		}
		a, err := linkwire.ReadPublished(body)
		if err != nil {
			return answers, err
		}
		if a.Fault == nil && a.Receipt == nil {
			a.Fault = fault.New(fault.Internal, "the hub's answer is empty")
		}
		answers = append(answers, a)
		if !s.answers.Ready() {
			return answers, nil
		}
	}
}

// writeSize is how much is written at once, in bytes; larger writes gain nothing more.
const writeSize = 32 << 10

// write sends publications, as many at once as there are.
func (s *session) write() {
	var frames []byte
	for {
		select {
		case <-s.wake:
		case <-s.conn.Context().Done():
			return
		}
		// Publishers that were answered together are about to publish again: who is ready to run does so first. A packet
		// for each publication would cost both sides more than the publication.
		runtime.Gosched()
		frames = frames[:0]
		for _, send := range s.take() {
			frames = linkwire.AppendPublish(frames, send.Attempt, send.Term, send.Item.Body)
		}
		if _, err := s.publishes.Write(frames); err != nil {
			return // read finds out why
		}
	}
}

// take returns what the session is to send next.
func (s *session) take() (sends []outbox.Send) {
	s.client.update(func(now time.Time) { sends = s.client.box.Take(now, s.number, writeSize) })
	for _, send := range sends {
		if send.Again {
			s.client.metrics.resent.Inc()
		}
	}
	return sends
}
