package hubclient

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/quic-go/quic-go"

	"weir/hub/internal/linkwire"
	"weir/proto/fault"
	"weir/proto/linkpb"
)

// A session is one connection to a hub, with its publish stream.
type session struct {
	client      *Client
	conn        *quic.Conn
	publishes   *quic.Stream
	answers     *linkwire.Reader
	node, agent string // of the hub
	reports     bool   // the hub takes reports
	violated    sync.Once
}

// connect opens a connection to the hub at addr. It is up once the hub has said so: before, it may still refuse the edge's
// certificate.
func (c *Client) connect(ctx context.Context, addr string) (*session, error) {
	ctx, cancel := context.WithTimeout(ctx, connecting)
	defer cancel()
	remote, err := net.ResolveUDPAddr("udp", addr)
	if err != nil {
		return nil, fmt.Errorf("resolve the hub's address: %w", err)
	}
	conn, err := c.transport.Dial(ctx, remote, c.cfg.TLS, linkwire.EdgeConfig())
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	s := &session{client: c, conn: conn}
	if err := s.greet(ctx); err != nil {
		_ = conn.CloseWithError(closeCode(err), "")
		return nil, fmt.Errorf("greet the hub: %w", err)
	}
	return s, nil
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
	s.answers = linkwire.NewReader(s.publishes, linkwire.MaxPublished)
	welcome := &linkpb.Welcome{}
	if err := s.answers.Answer(linkwire.Welcome, welcome); err != nil {
		return err
	}
	s.node, s.agent, s.reports = welcome.GetNode(), welcome.GetAgent(), welcome.GetReports()
	return nil
}

// run publishes and takes answers until the connection is lost or ctx ends, and returns why.
func (s *session) run(ctx context.Context) error {
	var writer sync.WaitGroup
	defer writer.Wait()
	defer s.close(nil)
	defer context.AfterFunc(ctx, func() { s.close(nil) })()
	writer.Go(s.write)
	err := s.read()
	s.violation(err)
	if cause := context.Cause(s.conn.Context()); cause != nil {
		return cause
	}
	return err
}

func (s *session) close(err error) {
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
			s.client.log.Error("the hub breaks the protocol of the link, the connection is closed", "reason", err)
			s.close(err)
		})
	}
}

// read takes answers. It returns why there are no more.
func (s *session) read() error {
	for {
		answer := &linkpb.Published{}
		err := s.answers.Answer(linkwire.Published, answer)
		var end *linkwire.Ended
		switch {
		case errors.As(err, &end) && end.Fault != nil:
			return end.Fault // the hub is going away, and has answered what it had accepted
		case err != nil:
			return err
		}
		if e := s.client.outbox.settle(answer.GetId()); e != nil {
			s.client.settle(e, answer)
		}
	}
}

// writeSize is how much is written at once, in bytes; larger writes gain nothing more.
const writeSize = 32 << 10

// write sends publications, as many at once as there are.
func (s *session) write() {
	var (
		frames []byte
		resent int
	)
	for {
		select {
		case <-s.client.outbox.wake:
		case <-s.conn.Context().Done():
			return
		}
		frames, resent = s.client.outbox.take(frames[:0], writeSize)
		s.client.metrics.resent.Add(float64(resent))
		if _, err := s.publishes.Write(frames); err != nil {
			return // read finds out why
		}
	}
}

// lost deals with publications that were sent and not answered when the connection was lost.
func (c *Client) lost(cause error) {
	for _, e := range c.outbox.restart() {
		c.fail(e, fault.New(fault.Unavailable, "the hub was lost before it answered: the publication may or may not have been accepted").
			WithHint("publish with a producer: what is lost on the way is then sent again without being published twice").
			WithCause(cause))
	}
}

func expiredFault(e *entry) *fault.Fault {
	if !e.sent {
		return fault.New(fault.Unavailable, "the hub could not be reached in time")
	}
	return fault.New(fault.Timeout, "the hub has not answered in time: the publication may or may not have been accepted").
		WithHint("publish with a producer, and a retry will not be published twice")
}

// settle tells a publisher what the hub has answered.
func (c *Client) settle(e *entry, answer *linkpb.Published) {
	switch {
	case answer.GetFault() != nil:
		c.fail(e, fault.FromProto(answer.GetFault()))
	case answer.GetReceipt() == nil:
		c.fail(e, fault.New(fault.Internal, "the hub's answer is empty"))
	default:
		c.metrics.published(nil)
		e.done(answer.GetReceipt(), nil)
	}
}

// fail tells a publisher why its publication is not known to be accepted.
func (c *Client) fail(e *entry, err error) {
	c.metrics.published(fault.From(err))
	e.done(nil, err)
}
