package cli

import (
	"bytes"
	"context"
	"time"

	"weir/edge/edgeclient"
	"weir/proto/weirpb"
	"weir/proto/weirpb/weirpbconnect"
)

// historyCommand is "weir history".
type historyCommand struct {
	Channel      string `arg:"" help:"Channel to read."`
	Since        string `help:"Where to begin: a time, a duration before now, after a place that --json has printed, or earliest, which is the default." placeholder:"10m|TIME|EPOCH:OFFSET"`
	Until        string `help:"Where to end: before a time, a duration before now, or with a place. By default with what there is now." placeholder:"5m|TIME|EPOCH:OFFSET"`
	Key          string `short:"k" help:"Only events with this key." placeholder:"KEY"`
	Limit        int    `short:"n" help:"End after so many events." placeholder:"N"`
	Linearizable bool   `help:"See at least all that was acknowledged to anybody before the command began, even while the hub's leader changes."`
	JSON         bool   `help:"Print a JSON object a line. The default unless standard output is a terminal."`
	tenantFlag
	apiTarget
}

func (historyCommand) Help() string {
	return `Prints events from the channel's window, oldest first, and ends. Lines are those of weir sub: event, and gap for events
that are no longer there.

Examples:

    weir history chat
    weir history chat --since 10m --until 5m
    weir history chat --since 2026-11-22T14:00:00Z --key order-17 --json
    weir history orders --since 1795000000123:42 --limit 100 --linearizable --json`
}

func (c *historyCommand) Run(ctx context.Context, con *console) error {
	if c.Limit < 0 {
		return usagef("", "--limit can't be negative")
	}
	request, err := c.request(time.Now())
	if err != nil {
		return err
	}
	client, err := c.resolve()
	if err != nil {
		return err
	}
	request.Tenant = c.or(client)
	for left := c.Limit; ; {
		request.Limit = historyPage
		if c.Limit > 0 {
			request.Limit = uint32(min(left, historyPage))
		}
		page, err := client.events().History(ctx, request)
		if err != nil {
			return client.explain(err)
		}
		if err := c.print(con, page); err != nil {
			return err
		}
		left -= len(page.GetEvents())
		if !page.GetMore() || (c.Limit > 0 && left <= 0) {
			return nil
		}
		request.After = page.GetNext()
		if request.Until == nil { // what is published meanwhile is not waited for
			request.Until = &weirpb.Cursor{Epoch: page.GetChannel().GetEpoch(), Offset: page.GetChannel().GetNextOffset() - 1}
		}
	}
}

// historyPage is how many events are asked for at once, the most that a hub returns.
const historyPage = 1000

// request returns what the flags ask for.
func (c *historyCommand) request(now time.Time) (*weirpb.HistoryRequest, error) {
	r := &weirpb.HistoryRequest{Channel: c.Channel, Key: c.Key}
	if c.Linearizable {
		r.Consistency = weirpb.Consistency_CONSISTENCY_LINEARIZABLE
	}
	var err error
	if c.Since != "earliest" {
		if r.FromTimeMs, r.After, err = parsePlace("--since", c.Since, now); err != nil {
			return nil, err
		}
	}
	r.UntilTimeMs, r.Until, err = parsePlace("--until", c.Until, now)
	return r, err
}

// parsePlace reads a place in a channel: a duration before now, a time (RFC 3339), EPOCH:OFFSET, or nothing.
func parsePlace(flag, text string, now time.Time) (timeMs int64, at *weirpb.Cursor, err error) {
	if text == "" {
		return 0, nil, nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago).UnixMilli(), nil, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil && t.UnixMilli() > 0 {
		return t.UnixMilli(), nil, nil
	}
	if _, cursor, err := parseSince(text); err == nil && cursor != nil {
		return 0, &weirpb.Cursor{Epoch: cursor.Epoch, Offset: cursor.Offset}, nil
	}
	return 0, nil, usagef("give a duration as in 10m, a time as in 2026-11-22T14:00:00Z, or EPOCH:OFFSET as --json prints them",
		"%s %s is no place in a channel", flag, text)
}

// print prints a page.
func (c *historyCommand) print(con *console, page *weirpb.HistoryResponse) error {
	var text bytes.Buffer
	for _, line := range historyLines(page) {
		if c.JSON || !con.outTerminal {
			if err := line.appendJSON(&text); err != nil {
				return err
			}
		} else {
			line.appendText(&text, con)
		}
	}
	_, err := con.out.Write(text.Bytes())
	return err
}

// historyLines returns what is printed of a page.
func historyLines(page *weirpb.HistoryResponse) (lines []*subLine) {
	channel := page.GetChannel()
	cursor := edgeclient.Cursor{Epoch: channel.GetEpoch()}
	if gap := page.GetGap(); gap != nil {
		cursor.Offset = gap.GetTo()
		lines = append(lines, lineOf(&edgeclient.Message{
			Type: edgeclient.Gap, Channel: channel.GetName(), Cursor: cursor, From: gap.GetFrom(), To: gap.GetTo(), Reason: gap.GetReason(),
		}))
	}
	for _, e := range page.GetEvents() {
		cursor.Offset = e.GetOffset()
		m := edgeclient.Message{
			Type: edgeclient.Event, Channel: channel.GetName(), Cursor: cursor, Time: time.UnixMilli(e.GetTimeMs()), Key: e.GetKey(),
			Payload: e.GetPayload(), ContentType: e.GetContentType(),
		}
		for _, h := range e.GetHeaders() {
			m.Headers = append(m.Headers, edgeclient.Header{Name: h.GetName(), Value: h.GetValue()})
		}
		line := lineOf(&m)
		line.Deleted = e.GetTombstone()
		lines = append(lines, line)
	}
	return lines
}

// events returns a client of EventService.
func (c *apiClient) events() weirpbconnect.EventServiceClient {
	return weirpbconnect.NewEventServiceClient(c.http, c.url)
}
