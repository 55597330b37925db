package api

import (
	"context"
	"crypto/rand"
	"time"

	"weir/proto/fault"
	"weir/proto/producer"
	"weir/proto/weirpb"
)

// maxEvents is how many events one PublishMany may carry: enough to fill an entry of the hub's log.
const maxEvents = 1000

// events serves weir.v1.EventService.
type events struct {
	hub     Hub
	metrics *metrics
}

func (s events) Publish(ctx context.Context, r *weirpb.PublishRequest) (*weirpb.PublishResponse, error) {
	tenant, err := tenantFor(ctx, r.GetTenant())
	if err != nil {
		return nil, err
	}
	p, err := publication(r)
	if err != nil {
		return nil, err
	}
	outcome := s.publish(ctx, tenant, []*weirpb.Publication{p})[0]
	if outcome.err != nil {
		return nil, outcome.err
	}
	return &weirpb.PublishResponse{Receipt: outcome.receipt}, nil
}

func (s events) PublishMany(ctx context.Context, r *weirpb.PublishManyRequest) (*weirpb.PublishManyResponse, error) {
	tenant, err := tenantFor(ctx, r.GetTenant())
	if err != nil {
		return nil, err
	}
	if n := len(r.GetEvents()); n == 0 || n > maxEvents {
		return nil, fault.New(fault.InvalidArgument, "there are %d events, 1 to %d can be published at once", n, maxEvents)
	}
	outcomes := s.publish(ctx, tenant, r.GetEvents())
	response := &weirpb.PublishManyResponse{Outcomes: make([]*weirpb.PublishOutcome, len(outcomes))}
	for i, o := range outcomes {
		response.Outcomes[i] = o.toProto()
	}
	return response, nil
}

func (s events) History(ctx context.Context, r *weirpb.HistoryRequest) (*weirpb.HistoryResponse, error) {
	return onTenant(ctx, tenantFor, &r.Tenant, r, s.hub.History)
}

func (s events) State(ctx context.Context, r *weirpb.StateRequest) (*weirpb.StateResponse, error) {
	return onTenant(ctx, tenantFor, &r.Tenant, r, s.hub.State)
}

func (s events) GetChannel(ctx context.Context, r *weirpb.GetChannelRequest) (*weirpb.Channel, error) {
	return onTenant(ctx, tenantFor, &r.Tenant, r, s.hub.GetChannel)
}

func (s events) OpenProducer(ctx context.Context, r *weirpb.OpenProducerRequest) (*weirpb.OpenProducerResponse, error) {
	if _, err := tenantFor(ctx, r.GetTenant()); err != nil {
		return nil, err
	}
	return &weirpb.OpenProducerResponse{Producer: producer.New(time.Now(), rand.Reader)}, nil
}
