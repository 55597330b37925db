package cli

import (
	"context"
	"fmt"
	"io"
	"net/url"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/encoding/protojson"

	"weir/proto/weirpb"
)

// logsInterval is how often the server is asked anew by those who follow: as often as edges report lines.
const logsInterval = time.Second

type filterLogs struct {
	Name   string `arg:"" optional:"" help:"Name of the filter. Without it: all of the tenant."`
	Follow bool   `short:"f" help:"Go on with what it says from now on, until Ctrl-C."`
	Admin  string `help:"Ask this edge alone, on its private address: what it has up to now." placeholder:"URL"`
	JSON   bool   `help:"Print a JSON object a line."`
	tenantFlag
	apiTarget
}

func (filterLogs) Help() string {
	return `Prints what a filter has said by weir.log lately on all edges of the region: when, on which edge, which version, and about an
event of which channel. Edges report lines every second. The hub keeps the latest 1,000 of a tenant; of all filters of a tenant
50 a second are written on an edge, unless "weir tenant limits" says otherwise. Lines that are not shown are counted.

Examples:

    weir filter logs viewport
    weir filter logs viewport -f --json
    weir filter logs viewport --admin http://127.0.0.1:8447 --tenant acme`
}

func (c *filterLogs) Run(ctx context.Context, con *console) error {
	ask, err := c.asker()
	if err != nil {
		return err
	}
	seen := &logReader{con: con, json: c.JSON, shown: map[logTalker]uint64{}, hosts: map[string]string{}}
	for ctx.Err() == nil {
		response, err := ask(ctx, seen.positions())
		switch {
		case ctx.Err() != nil:
		case err != nil && c.Follow && seen.asked && passing(err):
			seen.warn("the server does not answer, still trying: " + err.Error())
		case err != nil:
			return err
		default:
			if err := seen.print(response); err != nil {
				return unlessClosed(err)
			}
		}
		if !c.Follow {
			break
		}
		select {
		case <-time.After(logsInterval):
		case <-ctx.Done():
		}
	}
	return unlessClosed(seen.end(c.Name, c.Follow))
}

// passing reports whether an error may be gone when the server is asked again.
func passing(err error) bool {
	switch connect.CodeOf(err) {
	case connect.CodeUnauthenticated, connect.CodePermissionDenied, connect.CodeInvalidArgument, connect.CodeNotFound:
		return false
	}
	return true
}

// unlessClosed returns err, nil if whoever reads has seen enough.
func unlessClosed(err error) error {
	if isClosedOutput(err) {
		return nil
	}
	return err
}

// A logAsker asks for lines after those at the positions.
type logAsker func(ctx context.Context, after []*weirpb.FilterLogPosition) (*weirpb.GetFilterLogsResponse, error)

// asker returns who asks the hub, or the one edge that is named.
func (c *filterLogs) asker() (logAsker, error) {
	if c.Admin != "" {
		return c.edgeAsker()
	}
	client, err := c.resolve()
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, after []*weirpb.FilterLogPosition) (*weirpb.GetFilterLogsResponse, error) {
		response, err := client.filters().GetFilterLogs(ctx, &weirpb.GetFilterLogsRequest{Tenant: c.or(client), Name: c.Name, After: after})
		return response, client.explain(err)
	}, nil
}

func (c *filterLogs) edgeAsker() (logAsker, error) {
	admin, err := (&adminTarget{Admin: c.Admin, Tenant: c.Tenant}).resolve()
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, _ []*weirpb.FilterLogPosition) (*weirpb.GetFilterLogsResponse, error) {
		body, err := admin.get(ctx, "/filters/logs", url.Values{"filter": {c.Name}})
		if err != nil {
			return nil, err
		}
		defer body.Close()
		text, err := io.ReadAll(body)
		if err != nil {
			return nil, err
		}
		response := &weirpb.GetFilterLogsResponse{}
		if err := (protojson.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(text, response); err != nil {
			return nil, fmt.Errorf("the edge's answer can't be read: %w", err)
		}
		return response, nil
	}, nil
}
