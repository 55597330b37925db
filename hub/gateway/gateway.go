// Package gateway lets every node of a region answer every request: itself where it leads, else through the node that does.
package gateway

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"

	"weir/hub/api"
	"weir/hub/hubclient"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

var _ api.Hub = (*Gateway)(nil)

// A Hub is a node of a region that refuses with not_leader what another node leads; *hub.Hub is one.
type Hub interface {
	api.Hub
	hubclient.Hub
}

// A Gateway is a Hub that passes on what its node refuses. What depends on a channel goes through the client of the hub
// link, which keeps publications in order while leaders change; the node itself is one of those that the client knows. It
// is safe for concurrent use.
type Gateway struct {
	Hub
	client *hubclient.Client
}

// New returns the gateway of a node. The client must have the node as its Local, with Answer.
func New(local Hub, client *hubclient.Client) *Gateway { return &Gateway{Hub: local, client: client} }

// Publish hands over a publication and returns at once; done is called exactly once and must not block. Publications handed
// over one after another are ordered so.
func (g *Gateway) Publish(tenant string, p *weirpb.Publication, done func(*weirpb.Receipt, error)) {
	g.client.Publish(tenant, p, done)
}

// Follow is that of the leader of the channel's shard.
func (g *Gateway) Follow(
	ctx context.Context, tenant, channel string, from *weirpb.Cursor, deliver func(*weirpb.FeedBatch) error,
) error {
	return g.client.Follow(ctx, tenant, channel, from, deliver)
}

// History reads a page of the window.
func (g *Gateway) History(ctx context.Context, r *weirpb.HistoryRequest) (*weirpb.HistoryResponse, error) {
	return g.client.History(ctx, r)
}

// State reads the latest events of a state channel.
func (g *Gateway) State(ctx context.Context, r *weirpb.StateRequest) (*weirpb.StateResponse, error) {
	return g.client.State(ctx, r)
}

// GetChannel describes a channel.
func (g *Gateway) GetChannel(ctx context.Context, r *weirpb.GetChannelRequest) (*weirpb.Channel, error) {
	return g.client.GetChannel(ctx, r)
}

// EndCanary ends the trial of a filter version.
func (g *Gateway) EndCanary(ctx context.Context, tenant, filter string, version uint32, sinceMs int64) error {
	return g.client.EndCanary(ctx, tenant, filter, version, sinceMs)
}

// A message is a protocol message of type T.
type message[T any] interface {
	*T
	proto.Message
}

// change has the node that leads the control state make a change.
func change[A any, PA message[A]](ctx context.Context, g *Gateway, procedure string, r proto.Message) (PA, error) {
	a := PA(new(A))
	if err := g.client.Call(ctx, procedure, r, a); err != nil {
		return nil, err
	}
	return a, nil
}

// listing is how long the node that leads the control state may take to list something before this node lists what it
// knows: also a region without a majority must be able to tell what it has.
const listing = time.Second

// list asks the node that leads the control state, as what has just been made there may not be known here yet.
func list[A any, PA message[A], Q proto.Message](
	ctx context.Context, g *Gateway, procedure string, r Q, local func(context.Context, Q) (PA, error),
) (PA, error) {
	short, cancel := context.WithTimeout(ctx, listing)
	defer cancel()
	a, err := change[A, PA](short, g, procedure, r)
	switch fault.CodeOf(err) {
	case fault.Unavailable, fault.Timeout, fault.NotLeader:
		return local(ctx, r)
	}
	return a, err
}
