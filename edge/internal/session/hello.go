package session

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"weir/edge/internal/mirror"
	"weir/edge/token"
	"weir/proto/fault"
	"weir/proto/frame"
	"weir/proto/producer"
	"weir/proto/weirpb"
)

var errHelloTimeout = fault.New(fault.HelloTimeout, "no HELLO came within %s", helloTimeout)

// hello welcomes or refuses the client.
func (s *session) hello() (welcome bool) {
	hello, err := s.readHello()
	if err != nil {
		s.refuseOrForget(err)
		return false
	}
	claims, err := s.admit(hello)
	if err != nil {
		s.refuseOrForget(err)
		return false
	}
	s.claims.Store(claims)
	s.log = s.log.With("tenant", claims.Tenant, "subject", claims.Subject)
	s.producers.own = hello.GetProducer()
	if _, err := producer.Parse(s.producers.own); err != nil {
		s.producers.own = producer.New(time.Now(), rand.Reader)
	}
	s.conn.SetReadLimit(frame.MaxFromClient)
	s.host.cfg.Metrics.Handshakes.WithLabelValues("accepted").Inc()
	s.log.Debug("session welcomed", "agent", short(hello.GetAgent()), "origin", short(s.conn.Origin()))
	s.out.send(frame.Welcome, &weirpb.Welcome{
		Session: s.id, Producer: s.producers.own, ServerTimeMs: time.Now().UnixMilli(),
		TokenExpiresMs: claims.Expires.UnixMilli(), Limits: limits(), Agent: s.host.cfg.Agent,
		Explain: s.mayExplain(),
	})
	return true
}

// refuseOrForget refuses a client that did something wrong; one that has gone before it said anything is none.
func (s *session) refuseOrForget(err error) {
	var f *fault.Fault
	if errors.As(err, &f) {
		s.refuse(f)
		return
	}
	s.end(err)
	s.host.cfg.Metrics.Handshakes.WithLabelValues(label(err)).Inc()
	s.log.Info("client left before it was welcomed", "err", err)
}

func (s *session) readHello() (*weirpb.Hello, error) {
	s.conn.SetReadLimit(frame.MaxHello)
	ctx, cancel := context.WithTimeoutCause(s.connCtx, helloTimeout, errHelloTimeout)
	defer cancel()
	kind, body, err := s.conn.ReadFrame(ctx)
	switch {
	case err != nil && s.cause() != nil:
		return nil, s.cause()
	case err != nil && ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, readFault(err)
	case kind != frame.Hello:
		return nil, unexpected(kind, "before HELLO")
	}
	s.heard.Store(time.Now().UnixNano())
	hello := &weirpb.Hello{}
	if err := frame.Decode(body, hello); err != nil {
		return nil, malformed(kind, err)
	}
	return hello, nil
}

// errNoControl is what clients are told while the hub can't be reached since the edge was started.
var errNoControl = fault.New(fault.Unavailable, "this edge does not know its region's tenants yet").
	WithHint("try again; operators: see the edge's log")

// verify returns what a token claims. Its key may have been made a moment ago; who waits counts for whom.
func (s *session) verify(ctx context.Context, places *places, whom, signed string) (claims *token.Claims, err error) {
	err = s.host.sure(ctx, places, whom, func(state *mirror.State) (err error) {
		claims, err = token.Verify(signed, state.SigningKey, time.Now())
		return err
	})
	return claims, err
}

// admit verifies the token and counts the session.
func (s *session) admit(hello *weirpb.Hello) (*token.Claims, error) {
	ctx, cancel := context.WithTimeoutCause(s.connCtx, helloTimeout, withJitter(errNoControl))
	defer cancel()
	if err := s.host.cfg.Mirror.Ready(ctx); err != nil {
		return nil, err
	}
	claims, err := s.verify(s.connCtx, s.host.strangers, s.network(), hello.GetToken())
	if err != nil {
		return nil, err
	}
	if f := s.host.greet(s, claims.Tenant); f != nil {
		return nil, f
	}
	return claims, nil
}

// short cuts what a client calls itself to what a log line has room for.
func short(s string) string {
	const most = 64
	if len(s) > most {
		return s[:most]
	}
	return s
}
