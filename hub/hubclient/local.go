package hubclient

import (
	"context"
	"time"

	"weir/proto/fault"
	"weir/proto/linkpb"
	"weir/proto/weirpb"
)

// A Hub is a node of the hub in this process; *hub.Hub is one. What another node leads it refuses with not_leader. Its
// errors are or wrap *fault.Fault.
type Hub interface {
	Publish(tenant string, p *weirpb.Publication, done func(*weirpb.Receipt, error))
	Leads(tenant, channel string, term uint64) error
	WatchRoutes(ctx context.Context, deliver func(*linkpb.Routes) error) error
	Follow(ctx context.Context, tenant, channel string, from *weirpb.Cursor, deliver func(*weirpb.FeedBatch) error) error
	WatchControl(ctx context.Context, deliver func(*weirpb.ControlUpdate) error) error
	ControlIndex(ctx context.Context) (uint64, error)
	History(context.Context, *weirpb.HistoryRequest) (*weirpb.HistoryResponse, error)
	Module(ctx context.Context, digest []byte) ([]byte, error)
	EndCanary(ctx context.Context, tenant, filter string, version uint32, sinceMs int64) error
}

// Local is the node that this process is.
type Local struct {
	// Node is its name in the region.
	Node string
	Hub  Hub
	// Answer answers a call of the server API from this node alone: gateway.Answer does.
	Answer func(ctx context.Context, procedure string, request []byte) ([]byte, error)
}

func (c *Client) localSession() *session {
	return &session{client: c, node: c.cfg.Local.Node, agent: c.cfg.Agent, local: c.cfg.Local, wake: make(chan struct{}, 1)}
}

// run hands publications to the node until ctx ends.
func (l *Local) run(ctx context.Context, s *session) {
	for {
		select {
		case <-s.wake:
		case <-ctx.Done():
			return
		}
		for _, send := range s.take() {
			answer := func(r *weirpb.Receipt, err error) {
				s.client.update(func(now time.Time) { s.client.box.Answer(now, send.Attempt, r, fault.From(err)) })
			}
			if err := l.Hub.Leads(send.Item.Tenant, send.Item.Channel, send.Term); err != nil {
				answer(nil, err)
				continue
			}
			l.Hub.Publish(send.Item.Tenant, send.Item.Publication, answer)
		}
	}
}
