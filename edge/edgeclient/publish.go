package edgeclient

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"

	"weir/proto/fault"
	"weir/proto/frame"
	"weir/proto/publisher"
	"weir/proto/weirpb"
)

// Publish publishes an event and returns its receipt, when it is on the disks of a majority of the channel's home region.
// It is retried, across sessions, until it is accepted or refused for good, and is never accepted twice. Publications to
// one channel are ordered as the calls were.
//
// If ctx ends before there is a receipt, a publication that has not been sent is taken back; otherwise the error wraps a
// *fault.Fault with code timeout: the publication goes on, and may or may not be accepted.
func (c *Client) Publish(ctx context.Context, p Publication) (Receipt, error) {
	pending, err := c.enqueue(ctx, p)
	if err != nil {
		return Receipt{}, err
	}
	select {
	case <-pending.done:
	case <-ctx.Done():
		c.takeBack(pending, context.Cause(ctx))
		select {
		case <-pending.done:
		default:
			return Receipt{}, fault.New(fault.Timeout, "no receipt in time: the publication may or may not be accepted").
				WithCause(context.Cause(ctx))
		}
	}
	return pending.receipt, pending.err
}

// PublishAsync hands over an event to be published and returns at once, unless as many as Config.MaxPending wait for
// their receipts: then when there is room again, or ctx ends. Otherwise as Publish.
func (c *Client) PublishAsync(ctx context.Context, p Publication) (*Pending, error) {
	return c.enqueue(ctx, p)
}

// enqueue hands a publication to the publisher when there is room.
func (c *Client) enqueue(ctx context.Context, p Publication) (*Pending, error) {
	message, err := p.message()
	if err != nil {
		return nil, err
	}
	bytes := proto.Size(message)
	if bytes > frame.MaxFromClient-publishOverhead {
		return nil, fault.New(fault.PayloadTooLarge, "the publication does not fit into a frame of %d bytes", frame.MaxFromClient)
	}
	for {
		c.mu.Lock()
		if c.ctx.Err() != nil {
			c.mu.Unlock()
			return nil, closedError(context.Cause(c.ctx))
		}
		s := c.session
		if err := s.admits(message); err != nil {
			c.mu.Unlock()
			return nil, err
		}
		if count, held := c.pub.Len(); count < c.cfg.MaxPending && (count == 0 || held+bytes <= c.cfg.MaxPendingBytes) {
			pending, err := c.add(message, p.Sequence)
			c.mu.Unlock()
			if err != nil {
				return nil, err
			}
			c.pump(s)
			return pending, nil
		}
		changed := c.changed
		c.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fault.New(fault.Busy, "too many publications wait for their receipts").WithCause(context.Cause(ctx))
		}
	}
}

// add adds a publication to the publisher's, one that is repeated if it has a sequence. The caller holds mu.
func (c *Client) add(message *weirpb.Publication, sequence uint64) (pending *Pending, err error) {
	pending = &Pending{client: c, done: make(chan struct{})}
	if sequence == 0 {
		pending.pub = c.pub.Add(message, pending.resolve)
		return pending, nil
	}
	if pending.pub, err = c.pub.Repeat(message, sequence, pending.resolve); err != nil {
		return nil, err
	}
	return pending, nil
}

// publishOverhead is what a PUBLISH has beside the publication's own bytes, at most: request, sequence, producer.
const publishOverhead = 128

// admits reports why a publication has no chance in the present session, if there is one, which may be nil.
func (s *session) admits(m *weirpb.Publication) error {
	ephemeral := m.GetAck() == weirpb.Ack_ACK_NONE
	if s == nil {
		if ephemeral {
			return publisher.ErrNoSession
		}
		return nil
	}
	if len(m.GetPayload()) > s.limits.payload {
		return fault.New(fault.PayloadTooLarge, "the payload has %d bytes, at most %d are allowed", len(m.GetPayload()), s.limits.payload)
	}
	return nil
}

// takeBack ends a publication that has never been sent.
func (c *Client) takeBack(pending *Pending, cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-pending.done:
		return
	default:
	}
	if pending.pub.Sent() {
		return
	}
	c.pub.End(pending.pub, nil, cause)
	c.signal()
}

// pump sends what the publisher has to send, as far as the session, which may be nil or over, takes it.
func (c *Client) pump(s *session) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s == nil || c.session != s {
		return
	}
	now := time.Now()
	for s.out.room() {
		pub := c.pub.Send(now)
		if pub == nil {
			break
		}
		s.send(frame.Publish, &weirpb.Publish{Request: pub.Request(), Publication: pub.Message()})
	}
	if c.pub.Renew() {
		s.end(errRenew)
	}
}

func (s *session) published(m *weirpb.Published) error {
	c := s.client
	f := fault.FromProto(m.GetFault())
	if f == nil && m.GetReceipt() == nil {
		return fault.New(fault.ProtocolViolation, "the server sent PUBLISHED with neither receipt nor fault")
	}
	c.mu.Lock()
	known := c.pub.Answered(publisher.Answer{
		Request: m.GetRequest(), Receipt: m.GetReceipt(), Fault: f, Retryable: m.GetFault().GetRetryable(), Producer: m.GetProducer(),
	}, time.Now())
	c.signal()
	c.mu.Unlock()
	if !known {
		return fault.New(fault.ProtocolViolation, "the server answered a request %d that was not made", m.GetRequest())
	}
	c.pump(s)
	if f != nil {
		s.wakeTend()
	}
	return nil
}

// retry sends again what may be sent again by now, and returns when to look the next time, zero for never. The caller
// holds mu.
func (c *Client) retry(s *session, now time.Time) time.Time {
	var next time.Time
	if c.session != s {
		return next
	}
	for sub := range c.subs {
		if sub.id != 0 || sub.retryAt.IsZero() {
			continue
		}
		if now.Before(sub.retryAt) {
			next = earlier(next, sub.retryAt)
			continue
		}
		c.attach(s, sub)
	}
	if at, waiting := c.pub.Wake(); waiting {
		if now.Before(at) {
			next = earlier(next, at)
		} else {
			s.tasks.Go(func() { c.pump(s) })
		}
	}
	return next
}
