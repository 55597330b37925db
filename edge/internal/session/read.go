package session

import (
	"time"

	"google.golang.org/protobuf/proto"

	"weir/proto/fault"
	"weir/proto/frame"
	"weir/proto/weirpb"
)

// read handles the client's frames, one after the other, until the session ends.
func (s *session) read() {
	for s.ctx.Err() == nil {
		s.out.awaitRoom()
		kind, body, err := s.conn.ReadFrame(s.connCtx)
		if err != nil {
			s.end(readFault(err))
			return
		}
		s.heard.Store(time.Now().UnixNano())
		if err := s.handle(kind, body); err != nil {
			s.end(err)
			return
		}
	}
}

// handle handles one frame. An error ends the session; what is wrong with a request alone is answered.
func (s *session) handle(kind frame.Type, body []byte) error {
	switch kind {
	case frame.Subscribe:
		return decode(kind, body, &weirpb.Subscribe{}, s.subscribe)
	case frame.Params:
		return decode(kind, body, &weirpb.Params{}, s.change)
	case frame.Unsubscribe:
		return decode(kind, body, &weirpb.Unsubscribe{}, s.unsubscribe)
	case frame.Publish:
		return decode(kind, body, &weirpb.Publish{}, s.publish)
	case frame.Refresh:
		return decode(kind, body, &weirpb.Refresh{}, s.refresh)
	case frame.Explain:
		return decode(kind, body, &weirpb.Explain{}, s.explain)
	case frame.Ping:
		if len(body) > maxPadding+maxPingHead {
			return fault.New(fault.ProtocolViolation, "a PING has more than %d bytes of padding", maxPadding)
		}
		return decode(kind, body, &weirpb.Ping{}, s.pong)
	case frame.Pong:
		return decode(kind, body, &weirpb.Pong{}, func(*weirpb.Pong) {})
	}
	return unexpected(kind, "from a client, once welcomed")
}

// maxPingHead is what a PING takes beside its padding, in bytes: a tag and ten bytes for the nonce, a tag and two for the
// length.
const maxPingHead = 14

// decode reads the body of a frame and hands it to its handler.
func decode[M proto.Message](kind frame.Type, body []byte, m M, handle func(M)) error {
	if err := frame.Decode(body, m); err != nil {
		return malformed(kind, err)
	}
	handle(m)
	return nil
}

func malformed(kind frame.Type, err error) *fault.Fault {
	return fault.New(fault.FrameMalformed, "the body of %s is no message of its type", kind).WithCause(err)
}

// unexpected returns the fault of a frame of a type that this server does not know, or that may not come here.
func unexpected(kind frame.Type, where string) *fault.Fault {
	switch kind {
	case frame.Hello, frame.Subscribe, frame.Params, frame.Unsubscribe, frame.Publish, frame.Refresh, frame.Ping, frame.Pong,
		frame.Welcome, frame.Subscribed, frame.Unsubscribed, frame.Published, frame.Refreshed, frame.Error, frame.Goodbye,
		frame.Batch, frame.Explain, frame.Explained:
		return fault.New(fault.FrameUnexpected, "%s must not come %s", kind, where)
	}
	return fault.New(fault.FrameUnknown, "this server does not know the %s", kind)
}

func (s *session) pong(p *weirpb.Ping) {
	s.out.send(frame.Pong, &weirpb.Pong{Nonce: p.GetNonce(), TimeMs: time.Now().UnixMilli()})
}

// refuseRequest answers a request that has no answer of its own.
func (s *session) refuseRequest(what string, f *fault.Fault, subscription, revision uint32) {
	s.refused(what, f, "subscription", subscription)
	s.out.send(frame.Error, &weirpb.Error{Fault: wire(f), Subscription: subscription, Revision: revision})
}
