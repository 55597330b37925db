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
		s.published(m.GetRequest(), nil, f)
		return
	}
	// Without a sequence there is nothing to tell a retry by, so the hub need not remember who it was.
	if p.Producer = ""; p.GetSequence() != 0 {
		p.Producer = s.producer
	}
	began := time.Now()
	s.inFlight.Add(1)
	s.host.cfg.Upstream.Publish(s.claims.Load().Tenant, p, func(receipt *weirpb.Receipt, err error) {
		s.inFlight.Add(-1)
		s.host.cfg.Metrics.Publish.Observe(time.Since(began).Seconds())
		s.published(m.GetRequest(), receipt, fault.From(err))
	})
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

// published answers a publication.
func (s *session) published(request uint32, receipt *weirpb.Receipt, f *fault.Fault) {
	result := "accepted"
	switch {
	case f != nil:
		result = string(f.Code)
		s.refused("publication", f, "request", request)
	case receipt.GetDuplicate():
		result = "duplicate"
	}
	s.host.cfg.Metrics.Publishes.WithLabelValues(result).Inc()
	s.out.send(frame.Published, &weirpb.Published{Request: request, Receipt: receipt, Fault: wire(f)})
}
