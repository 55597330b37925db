package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"connectrpc.com/connect"

	"weir/filters/explain"
	"weir/hub/api/apifault"
	"weir/proto/fault"
	"weir/proto/weirpb"
	"weir/proto/weirpb/weirpbconnect"
)

// explainCommand is "weir explain".
type explainCommand struct {
	Channel      string `arg:"" help:"Channel of the event."`
	Event        string `arg:"" help:"The event, as weir sub --json and weir pub --json print it." placeholder:"EPOCH:OFFSET"`
	Filter       string `short:"f" xor:"asked" required:"" help:"Filter; without a version the one that was live when the event was published." placeholder:"NAME[@VERSION]"`
	Subscription string `short:"s" xor:"asked" required:"" help:"Live subscription, as weir subscriptions and an edge's log name it: all of its filters are asked." placeholder:"SESSION/NUMBER"`
	Params       string `short:"p" help:"Params of the subscriber, with --filter." placeholder:"JSON"`
	Admin        string `help:"Private address of the edge that has the subscription. In the folder of a running \"weir dev\": that one." env:"WEIR_ADMIN_URL" placeholder:"URL"`
	JSON         bool   `help:"Print JSON."`
	tenantFlag
	apiTarget
}

func (explainCommand) Help() string {
	return `With --filter it fetches the event and the filter's module and runs them here. A filter is a function of its input alone, so
what it says here is what it said at the edge.

With --subscription the edge asks all filters of a live subscription once more, those that its token pins included, by the
versions that were live when the event was decided, and says which of them held it back, and whether the subscription is past
the event.

Examples:

    weir explain chat 1795000000123:42 --filter expr --params 'from == "ada"'
    weir explain flights 1795000000123:42 --filter viewport@2 --params '{"west":-80,"south":38,"east":-70,"north":44}' --json
    weir subscriptions flights
    weir explain flights 1795000000123:42 --subscription 9f2c4e1a7b3d5f60/3`
}

func (c *explainCommand) Run(ctx context.Context, con *console, log *slog.Logger) error {
	_, at, err := parseSince(c.Event)
	if err != nil || at == nil || at.Offset == 0 {
		return usagef("give EPOCH:OFFSET as weir sub --json prints them", "%s is no event of a channel", c.Event)
	}
	var x *weirpb.Explanation
	event := &weirpb.Cursor{Epoch: at.Epoch, Offset: at.Offset}
	if c.Subscription != "" {
		x, err = c.askEdge(ctx, event)
	} else {
		x, err = c.askFilter(ctx, event, log)
	}
	if err != nil {
		return err
	}
	view := viewExplanation(x)
	if c.JSON {
		return con.printJSON(view)
	}
	return view.print(con)
}

// askEdge has the edge that serves the subscription explain the event.
func (c *explainCommand) askEdge(ctx context.Context, at *weirpb.Cursor) (*weirpb.Explanation, error) {
	if c.Params != "" {
		return nil, usagef("--params goes with --filter", "a subscription has params of its own")
	}
	admin, err := (&adminTarget{Admin: c.Admin, Tenant: c.Tenant}).resolve()
	if err != nil {
		return nil, err
	}
	x := &weirpb.Explanation{}
	if err := admin.explain(ctx, c.Subscription, at, x); err != nil {
		return nil, err
	}
	if x.GetChannel() != c.Channel {
		return nil, failf("", "the subscription %s is to %s, not to %s", c.Subscription, x.GetChannel(), c.Channel)
	}
	return x, nil
}

// askFilter runs the filter here.
func (c *explainCommand) askFilter(ctx context.Context, at *weirpb.Cursor, log *slog.Logger) (*weirpb.Explanation, error) {
	name, version, err := parseFilterName(c.Filter)
	if err != nil {
		return nil, err
	}
	client, err := c.resolve()
	if err != nil {
		return nil, err
	}
	event, err := c.fetch(ctx, client, at)
	if err != nil {
		return nil, client.explain(err)
	}
	response, err := client.filters().GetFilter(ctx, &weirpb.GetFilterRequest{
		Tenant: c.or(client), Name: name, Version: version, WithModule: true, LiveAtMs: event.GetTimeMs(),
	})
	if err != nil {
		return nil, client.explain(err)
	}
	return c.run(ctx, at, event, response, log)
}

// run opens the module and asks it. That it fails on the event is part of the explanation, that it refuses the params is not:
// there can't be such a subscriber.
func (c *explainCommand) run(
	ctx context.Context, at *weirpb.Cursor, event *weirpb.Event, answer *weirpb.GetFilterResponse, log *slog.Logger,
) (x *weirpb.Explanation, err error) {
	module, err := openLocal(ctx, answer.GetModule(), log)
	if err != nil {
		return nil, fmt.Errorf("open the filter: %w", err)
	}
	defer func() { err = errors.Join(err, module.close()) }()
	v := answer.GetFilter()
	x, err = explain.Answer(ctx, &explain.Question{
		Channel: c.Channel, Epoch: at.GetEpoch(), Event: event,
		Filters: []explain.Filter{{Module: module, About: &weirpb.FilterExplanation{
			Name: v.GetName(), Version: v.GetVersion(), Digest: v.GetDigest(), Params: []byte(c.Params),
		}}},
	})
	if err != nil {
		return nil, err
	}
	for _, said := range x.GetFilters() {
		if f := said.GetFault(); f.GetCode() == string(fault.FilterParams) {
			return nil, fmt.Errorf("the filter does not take the params: %w", fault.FromProto(f))
		}
	}
	return x, nil
}

// fetch reads the event from the channel's window.
func (c *explainCommand) fetch(ctx context.Context, client *apiClient, at *weirpb.Cursor) (*weirpb.Event, error) {
	events := weirpbconnect.NewEventServiceClient(client.http, client.url)
	history, err := events.History(ctx, &weirpb.HistoryRequest{
		Tenant: c.or(client), Channel: c.Channel, Limit: 1, After: &weirpb.Cursor{Epoch: at.GetEpoch(), Offset: at.GetOffset() - 1},
	})
	var refused *connect.Error
	if errors.As(err, &refused) && apifault.Decode(refused).Code == fault.CursorAhead {
		return nil, failf("", "%s has no event %d yet", c.Channel, at.GetOffset())
	}
	if err != nil {
		return nil, err
	}
	channel := history.GetChannel()
	switch first := history.GetEvents(); {
	case channel.GetEpoch() != at.GetEpoch():
		return nil, failf("its tenant, or the hub's data, were made anew since", "%s is in epoch %d now, not in %d",
			c.Channel, channel.GetEpoch(), at.GetEpoch())
	case len(first) > 0 && first[0].GetOffset() == at.GetOffset():
		return first[0], nil
	case at.GetOffset() >= channel.GetNextOffset():
		return nil, failf("", "%s has no event %d yet", c.Channel, at.GetOffset())
	}
	return nil, failf("a namespace's --window-age, --window-bytes and --window-count say how much is kept",
		"event %d of %s is not kept any more: the oldest is %d", at.GetOffset(), c.Channel, channel.GetFirstOffset())
}
