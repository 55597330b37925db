package edgeclient

import (
	"errors"
	"time"

	"google.golang.org/protobuf/proto"

	"weir/proto/fault"
	"weir/proto/frame"
	"weir/proto/weirpb"
)

// goodbyeError is the fault with which the server ended a session.
type goodbyeError struct {
	fault     *fault.Fault
	retryable bool
}

func (e *goodbyeError) Error() string { return "the server ended the session: " + e.fault.Error() }
func (e *goodbyeError) Unwrap() error { return e.fault }

// refusal is a fault with what the server says about it.
type refusal struct {
	fault     *fault.Fault
	retryable bool
}

// fromWire returns a fault as it came, with what the server says about it: there may be newer codes than this client knows.
func fromWire(p *weirpb.Fault) *refusal {
	if p == nil {
		return nil
	}
	return &refusal{fault: fault.FromProto(p), retryable: p.GetRetryable()}
}

// handlers read the bodies of frames from a server.
var handlers = map[frame.Type]func(*session, []byte) error{
	frame.Welcome:      decoded((*session).welcomed),
	frame.Subscribed:   decoded((*session).subscribed),
	frame.Unsubscribed: decoded((*session).unsubscribed),
	frame.Published:    decoded((*session).published),
	frame.Refreshed:    decoded((*session).refreshed),
	frame.Error:        decoded((*session).refusedRequest),
	frame.Explained:    decoded((*session).explained),
	frame.Goodbye:      decoded((*session).goodbye),
	frame.Ping:         decoded((*session).pinged),
	frame.Pong:         decoded(func(*session, *weirpb.Pong) error { return nil }), // any frame is a sign of life
}

// decoded returns a handler that first decodes the body.
func decoded[M any, P interface {
	*M
	proto.Message
}](handle func(*session, P) error,
) func(*session, []byte) error {
	return func(s *session, body []byte) error {
		m := P(new(M))
		if err := frame.Decode(body, m); err != nil {
			return err
		}
		return handle(s, m)
	}
}

// handle takes in a frame. An error ends the session.
func (s *session) handle(t frame.Type, body []byte) error {
	s.heard.Store(int64(time.Since(s.began)))
	if err := s.dispatch(t, body); err != nil {
		if _, goodbye := errors.AsType[*goodbyeError](err); !goodbye {
			s.client.logger.Error("the server broke the protocol", "frame", t, "err", err)
		}
		s.end(err)
		return err
	}
	return nil
}

func (s *session) dispatch(t frame.Type, body []byte) error {
	welcome := t == frame.Welcome
	if !welcome && t != frame.Goodbye && !s.isEstablished() || welcome && s.isEstablished() {
		return fault.New(fault.FrameUnexpected, "the server sent %s at the wrong moment", t)
	}
	if t == frame.Batch {
		return s.batch(body)
	}
	handle, known := handlers[t]
	if !known {
		return fault.New(fault.FrameUnknown, "the server sent %s, which is not a server's or not known", t)
	}
	return handle(s, body)
}

func (s *session) isEstablished() bool {
	s.client.mu.Lock()
	defer s.client.mu.Unlock()
	return !s.established.IsZero()
}

// Bounds within which limits of a server are believed.
const (
	maxPublishes = 4096
	minPing      = time.Second
	maxPing      = time.Minute
)

func limitsOf(l *weirpb.Limits) limits {
	return limits{
		frame:         within(int(l.GetFrameBytes()), 1, frame.MaxFromClient, frame.MaxFromClient),
		payload:       within(int(l.GetPayloadBytes()), 1, frame.MaxFromClient, 64<<10),
		subscriptions: within(int(l.GetSubscriptions()), 1, maxSubscriptions, 64),
		publishes:     within(int(l.GetPublishesInFlight()), 1, maxPublishes, 256),
		ping:          within(time.Duration(l.GetPingIntervalMs())*time.Millisecond, minPing, maxPing, 10*time.Second),
	}
}

// within returns value, if it is within its bounds, or the nearer one; fallback for 0.
func within[T int | time.Duration](value, low, high, fallback T) T {
	if value == 0 {
		return fallback
	}
	return min(max(value, low), high)
}

func (s *session) welcomed(m *weirpb.Welcome) error {
	if m.GetProducer() == "" {
		return fault.New(fault.ProtocolViolation, "the server granted no producer identity")
	}
	c := s.client
	now := time.Now()
	c.mu.Lock()
	s.established = now
	s.limits, s.explains = limitsOf(m.GetLimits()), m.GetExplain()
	s.life(m.GetTokenExpiresMs(), m.GetServerTimeMs(), now)
	c.session = s
	c.pub.Welcome(m.GetProducer(), s.limits.publishes)
	for sub := range c.subs {
		c.attach(s, sub)
	}
	c.mu.Unlock()
	c.logger.Info("connected", "transport", s.link.transport(), "session", m.GetSession(), "server", m.GetAgent())
	c.setStatus(Status{State: Connected, Transport: s.link.transport(), Session: m.GetSession()})
	c.pump(s)
	s.wakeTend()
	return nil
}

// life notes when a token expires, by the server's clock, of which serverTime was the reading just now. The caller holds
// client.mu.
func (s *session) life(expires, serverTime int64, now time.Time) {
	s.serverAhead = time.Duration(serverTime-now.UnixMilli()) * time.Millisecond
	s.granted(lifetime(expires, serverTime), now)
}

// lifetime returns how long something lasts, in bounds that can be counted in; 0 for ever.
func lifetime(expires, now int64) time.Duration {
	if expires == 0 {
		return 0
	}
	const longest = int64(30 * 24 * time.Hour / time.Millisecond)
	return time.Duration(min(max(expires-now, 1), longest)) * time.Millisecond
}

func (s *session) refreshed(m *weirpb.Refreshed) error {
	if f := m.GetFault(); f != nil {
		s.client.logger.Warn("the fresh token was refused; the older one holds", "err", fault.FromProto(f))
		return nil
	}
	now := time.Now()
	s.client.mu.Lock()
	s.granted(lifetime(m.GetTokenExpiresMs(), now.Add(s.serverAhead).UnixMilli()), now)
	s.client.mu.Unlock()
	s.wakeTend()
	return nil
}

func (s *session) goodbye(m *weirpb.Goodbye) error {
	f := fromWire(m.GetFault())
	if f == nil {
		f = &refusal{fault: fault.New(fault.Unavailable, "without a reason"), retryable: true}
	}
	return &goodbyeError{fault: f.fault, retryable: f.retryable}
}

func (s *session) pinged(m *weirpb.Ping) error {
	s.send(frame.Pong, &weirpb.Pong{Nonce: m.GetNonce(), TimeMs: time.Now().UnixMilli()})
	return nil
}
