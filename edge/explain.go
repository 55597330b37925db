package edge

import (
	"context"

	"weir/edge/internal/session"
	"weir/proto/weirpb"
)

type (
	// A Subscription is one that is open, as operators see it.
	Subscription = session.Subscription
	// A SubscriptionFilter is one of its filters.
	SubscriptionFilter = session.SubscriptionFilter
)

// Subscriptions lists the open subscriptions of a tenant, to one channel unless its name is empty.
func (s *Server) Subscriptions(tenant, channel string) []Subscription {
	return s.host.Subscriptions(tenant, channel)
}

// Explain says why a subscription got an event or did not: what its filters say about it, asked once more, by the versions that
// were live when it was decided. id is Subscription.ID. Errors are or wrap *fault.Fault.
func (s *Server) Explain(ctx context.Context, id string, event *weirpb.Cursor) (*weirpb.Explanation, error) {
	return s.host.Explain(ctx, id, event)
}
