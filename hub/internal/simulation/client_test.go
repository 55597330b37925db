package simulation

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"weir/proto/fault"
	"weir/proto/publisher"
	"weir/proto/weirpb"
)

// A client publishes as the Go client does: the real publisher, over sessions at whichever edge.
type client struct {
	w         *world
	name      string
	publisher *publisher.Publisher
	channels  []string
	left      int // publications yet to be handed over
	sent      []*sent

	session *clientSession
	due     time.Time // of the plan to send again
}

// sent is a publication with what came of it.
type sent struct {
	channel string
	payload string
	answers int
	receipt *weirpb.Receipt
}

// A clientSession is one at an edge, in which there are a few identities that it honours.
type clientSession struct {
	client  *client
	edge    *edge
	there   pipe
	back    pipe
	own     string
	granted []string
	up      bool // the client has been welcomed
}

func newClient(w *world, n int) *client {
	return &client{w: w, name: fmt.Sprint("client-", n), publisher: publisher.New(), channels: w.channels(), left: 6 + w.random.IntN(14)}
}

// publish hands a few publications over.
func (c *client) publish() {
	for n := c.w.random.IntN(4); n > 0 && c.left > 0; n-- {
		c.left--
		number := len(c.sent) + 1
		s := &sent{channel: pick(c.w, c.channels), payload: string(payloadOf(c.name, number))}
		c.sent = append(c.sent, s)
		m := &weirpb.Publication{Channel: s.channel, Payload: []byte(s.payload)}
		if s.channel == stateChannel {
			m.Key = fmt.Sprint("key-", c.w.random.IntN(5))
		}
		c.publisher.Add(m, func(r *weirpb.Receipt, err error) { c.heard(s, r, err) })
	}
	c.pump()
}

// heard is what the application is told.
func (c *client) heard(s *sent, r *weirpb.Receipt, err error) {
	s.answers++
	if s.answers > 1 {
		c.w.broken("the client", "%s is answered twice", s.payload)
	}
	if err == nil {
		s.receipt = r
		c.w.truth.acknowledged(s.channel, s.payload, r)
	}
}

// connect begins a session.
func (c *client) connect() {
	w := c.w
	e := w.anyEdge()
	if e == nil {
		w.after(100*time.Millisecond, c.connect)
		return
	}
	s := &clientSession{client: c, edge: e}
	s.there.w, s.back.w = w, w
	c.session = s
	e.enter(s)
	asks := c.publisher.Hello()
	s.there.send(func() {
		s.own = asks
		if asks == "" || !w.calm && w.chance(10) {
			s.own = e.grant()
		}
		s.back.send(func() {
			s.up = true
			c.publisher.Welcome(s.own, 1+w.random.IntN(8))
			c.pump()
		})
	})
}

// lost is called when the session is: the edge may hand on what it has, but nobody hears of it.
func (s *clientSession) lost() {
	s.there.cut(0)
	s.back.cut(0)
	c := s.client
	c.session = nil
	if s.up {
		c.publisher.Lost()
	}
	c.w.after(c.w.between(5*time.Millisecond, 200*time.Millisecond), c.connect)
}

// leave has the client lose its session.
func (c *client) leave() {
	if s := c.session; s != nil {
		s.edge.leave(s)
		s.lost()
	}
}

// pump sends what there is to send.
func (c *client) pump() {
	s := c.session
	if s == nil || !s.up {
		return
	}
	for p := c.publisher.Send(c.w.now); p != nil; p = c.publisher.Send(c.w.now) {
		request, m := p.Request(), proto.CloneOf(p.Message())
		s.there.send(func() { s.publish(request, m) })
	}
	if c.publisher.Renew() {
		c.leave()
		return
	}
	if at, waits := c.publisher.Wake(); waits && at.After(c.w.now) && (c.due.IsZero() || at.Before(c.due)) {
		c.due = at
		c.w.at(at, func() {
			if c.due.Equal(at) {
				c.due = time.Time{}
				c.pump()
			}
		})
	}
}

// publish is the edge's side of a PUBLISH.
func (s *clientSession) publish(request uint32, m *weirpb.Publication) {
	if m.GetProducer() == "" {
		m.Producer = s.own
	}
	producer := m.GetProducer()
	s.edge.publish(m, func(r *weirpb.Receipt, f *fault.Fault) {
		a := publisher.Answer{Request: request, Receipt: r, Fault: f}
		if f != nil {
			a.Receipt, a.Retryable = nil, f.Code.Retryable()
			if f.Code == fault.ProducerExpired {
				a.Producer = s.grant(producer)
			}
		}
		s.back.send(func() { s.answered(a) })
	})
}

// grant gives a fresh identity for one that the hub has forgotten, the same for all that came before it was known.
func (s *clientSession) grant(expired string) string {
	newest := s.own
	if n := len(s.granted); n > 0 {
		newest = s.granted[n-1]
	}
	if newest != expired {
		return newest
	}
	s.granted = append(s.granted, s.edge.grant())
	return s.granted[len(s.granted)-1]
}

func (s *clientSession) answered(a publisher.Answer) {
	c := s.client
	if c.session != s {
		return
	}
	if !c.publisher.Answered(a, c.w.now) {
		c.w.broken("the client", "%s gets an answer to request %d, which it has not made", c.name, a.Request)
	}
	c.pump()
}

func (c *client) settled() bool {
	waiting, _ := c.publisher.Len()
	return c.left == 0 && waiting == 0
}

// check looks at the order of what was acknowledged.
func (c *client) check() {
	last := map[place]uint64{}
	for _, s := range c.sent {
		if s.receipt == nil {
			continue
		}
		at := place{s.channel, s.receipt.GetEpoch()}
		if s.receipt.GetOffset() <= last[at] {
			c.w.broken("P2", "%s is acknowledged at %d of %q, one before it at %d", s.payload, s.receipt.GetOffset(), s.channel, last[at])
		}
		last[at] = s.receipt.GetOffset()
	}
}

// A raw publisher has no identity, as a shell script: it hands publications to one edge and never sends one twice.
type raw struct {
	w       *world
	name    string
	edge    *edge
	channel string
	left    int
	count   int
	waiting int
}

func (r *raw) publish() {
	for n := r.w.random.IntN(3); n > 0 && r.left > 0 && r.edge.up; n-- {
		r.left--
		r.count++
		r.waiting++
		life, payload := r.edge.life, string(payloadOf(r.name, r.count))
		r.edge.publish(&weirpb.Publication{Channel: r.channel, Payload: []byte(payload)}, func(receipt *weirpb.Receipt, f *fault.Fault) {
			if r.edge.life != life {
				return
			}
			r.waiting--
			if f == nil {
				r.w.truth.acknowledged(r.channel, payload, receipt)
			}
		})
	}
}
