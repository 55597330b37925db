package session

import (
	"time"

	"weir/proto/fault"
	"weir/proto/frame"
	"weir/proto/name"
	"weir/proto/weirpb"
)

// publish hands a publication to the hub, in the order in which the client sent it.
func (s *session) publish(m *weirpb.Publish) {
	p := m.GetPublication()
	if f := s.checkPublication(p); f != nil {
		s.published(&weirpb.Published{Request: m.GetRequest()}, f)
		return
	}
	from, f := s.from(p)
	if f != nil {
		s.published(&weirpb.Published{Request: m.GetRequest()}, f)
		return
	}
	p.Producer = from
	began := time.Now()
	s.inFlight.Add(1)
	s.host.cfg.Upstream.Publish(s.claims.Load().Tenant, p, func(receipt *weirpb.Receipt, err error) {
		s.inFlight.Add(-1)
		s.host.cfg.Metrics.Publish.Observe(time.Since(began).Seconds())
		answer, f := &weirpb.Published{Request: m.GetRequest(), Receipt: receipt}, fault.From(err)
		if from != "" && f != nil && f.Code == fault.ProducerExpired {
			answer.Producer = s.producers.grant(from, time.Now())
		}
		s.published(answer, f)
	})
}

// from returns the producer identity that a publication counts under. Without a sequence there is nothing to tell a retry
// by, so the hub need not remember who it was.
func (s *session) from(p *weirpb.Publication) (string, *fault.Fault) {
	if p.GetSequence() == 0 {
		return "", nil
	}
	return s.producers.choose(p.GetProducer())
}

func (s *session) checkPublication(p *weirpb.Publication) *fault.Fault {
	switch {
	case p == nil:
		return fault.New(fault.InvalidArgument, "the request has no publication")
	case s.inFlight.Load() >= maxInFlight:
		return fault.New(fault.Busy, "%d publications wait for their receipt, as many as may", maxInFlight).
			WithHint("wait for a receipt before the next")
	case len(p.GetPayload()) > maxPayload:
		return fault.New(fault.PayloadTooLarge, "the payload has %d bytes, at most %d are allowed", len(p.GetPayload()), maxPayload)
	}
	if err := name.CheckChannel(p.GetChannel()); err != nil {
		return fault.From(err)
	}
	if !s.claims.Load().CanPublish(p.GetChannel()) {
		return fault.New(fault.PermissionDenied, "the token does not allow to publish to %q", p.GetChannel()).
			WithHint("add the channel, or a prefix of it and \"*\", to the token's weir.publish")
	}
	return nil
}

// published answers a publication, with a fault if f is not nil.
func (s *session) published(answer *weirpb.Published, f *fault.Fault) {
	result := "accepted"
	switch {
	case f != nil:
		result = string(f.Code)
		s.refused("publication", f, "request", answer.GetRequest())
	case answer.GetReceipt().GetDuplicate():
		result = "duplicate"
	}
	s.host.cfg.Metrics.Publishes.WithLabelValues(result).Inc()
	answer.Fault = wire(f)
	s.out.send(frame.Published, answer)
}
