package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"connectrpc.com/connect"

	"weir/deploy/cli/internal/guestlog"
	"weir/filters"
	"weir/hub/api/apifault"
	"weir/proto/fault"
	"weir/proto/weirpb"
	"weir/proto/weirpb/weirpbconnect"
)

// explainCommand is "weir explain".
type explainCommand struct {
	Channel string `arg:"" help:"Channel of the event."`
	Event   string `arg:"" help:"The event, as weir sub --json and weir pub --json print it." placeholder:"EPOCH:OFFSET"`
	Filter  string `required:"" short:"f" help:"Filter; without a version the one that was live when the event was published." placeholder:"NAME[@VERSION]"`
	Params  string `short:"p" help:"Params of the subscriber." placeholder:"JSON"`
	JSON    bool   `help:"Print JSON."`
	tenantFlag
	apiTarget
}

func (explainCommand) Help() string {
	return `Fetches the event and the filter's module and runs them here. A filter is a function of its input alone, so what it says
here is what it said at the edge. What other filters of a subscription say, and what its token pins, is not looked at.

Examples:

    weir explain chat 1795000000123:42 --filter expr --params 'from == "ada"'
    weir explain flights 1795000000123:42 --filter viewport@2 --params '{"west":-80,"south":38,"east":-70,"north":44}' --json`
}

func (c *explainCommand) Run(ctx context.Context, con *console, log *slog.Logger) error {
	_, at, err := parseSince(c.Event)
	if err != nil || at == nil || at.Offset == 0 {
		return usagef("give EPOCH:OFFSET as weir sub --json prints them", "%s is no event of a channel", c.Event)
	}
	name, version, err := parseFilterName(c.Filter)
	if err != nil {
		return err
	}
	client, err := c.resolve()
	if err != nil {
		return err
	}
	event, err := c.fetch(ctx, client, &weirpb.Cursor{Epoch: at.Epoch, Offset: at.Offset})
	if err != nil {
		return client.explain(err)
	}
	filter, err := client.filters().GetFilter(ctx, &weirpb.GetFilterRequest{
		Tenant: c.or(client), Name: name, Version: version, WithModule: true, LiveAtMs: event.GetTimeMs(),
	})
	if err != nil {
		return client.explain(err)
	}
	view := newExplanation(c.Channel, at.Epoch, event, filter.GetFilter())
	if err := view.decide(ctx, event, filter.GetModule(), []byte(c.Params), log); err != nil {
		return err
	}
	if c.JSON {
		return con.printJSON(view)
	}
	return view.print(con)
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

// An explanation is what "weir explain --json" prints.
type explanation struct {
	Channel string `json:"channel"`
	Epoch   uint64 `json:"epoch"`
	Offset  uint64 `json:"offset"`
	Time    string `json:"time"`
	Key     string `json:"key,omitempty"`
	Filter  string `json:"filter"`
	Version uint32 `json:"version"`
	SHA256  string `json:"sha256"`
	// Verdict is match, held or failed; Error says why it failed.
	Verdict string `json:"verdict"`
	Error   string `json:"error,omitempty"`
	// EventKeys and Interest are routing keys, where the filter has such: the event's, and those that the params want.
	EventKeys []string `json:"event_keys,omitempty"`
	Interest  []string `json:"interest,omitempty"`
	// Shown is what a subscriber gets of a match: a JSON value, or text.
	Shown any `json:"shown,omitempty"`
	// Log has what the filter said meanwhile.
	Log []string `json:"log"`
}

func newExplanation(channel string, epoch uint64, e *weirpb.Event, v *weirpb.FilterVersion) *explanation {
	view := viewFilter(v)
	return &explanation{
		Channel: channel, Epoch: epoch, Offset: e.GetOffset(), Time: timestamp(e.GetTimeMs()), Key: e.GetKey(),
		Filter: view.Name, Version: view.Version, SHA256: view.SHA256, Log: []string{},
	}
}

// decide runs the filter. That it fails on the event is part of the explanation, not an error.
func (x *explanation) decide(ctx context.Context, e *weirpb.Event, module, params []byte, log *slog.Logger) (err error) {
	var mu sync.Mutex
	listening := slog.New(guestlog.Handler(log.Handler(), func(l guestlog.Line) {
		mu.Lock()
		defer mu.Unlock()
		x.Log = append(x.Log, l.Text)
	}))
	filter, err := openLocal(ctx, module, listening)
	if err != nil {
		return fmt.Errorf("open the filter: %w", err)
	}
	defer func() { err = errors.Join(err, filter.close()) }()
	prepared, err := filter.Prepare(ctx, params)
	if err != nil {
		return fmt.Errorf("the filter does not take the params: %w", err)
	}
	if err := x.ask(ctx, filter.Filter, filters.AppendEvent(nil, x.Channel, e), prepared); err != nil {
		x.Verdict, x.Error = "failed", fault.From(err).Message
	}
	if x.Verdict == "match" && x.Shown == nil {
		x.Shown = shownAs(e.GetPayload())
	}
	return nil
}

// ask notes what the filter says; it returns how it fails.
func (x *explanation) ask(ctx context.Context, filter *filters.Filter, event, prepared []byte) error {
	abilities := filter.Manifest().Abilities
	if slices.Contains(abilities, filters.AbilityKeys) {
		keys, err := filter.Keys(ctx, event, nil)
		if err != nil {
			return err
		}
		interest, err := filter.Interest(ctx, prepared, nil)
		if err != nil {
			return err
		}
		x.EventKeys, x.Interest = keyTexts(keys), keyTexts(interest)
	}
	var set filters.Set
	slot := set.Add(prepared)
	verdicts := filters.NewBitmap(set.Slots())
	if err := filter.Match(ctx, event, &set, verdicts); err != nil {
		return err
	}
	x.Verdict = "held"
	if !verdicts.Get(slot) {
		return nil
	}
	if slices.Contains(abilities, filters.AbilityProject) {
		shown, err := filter.Project(ctx, event, prepared, nil)
		if err != nil {
			return err
		}
		x.Shown = shownAs(shown)
	}
	x.Verdict = "match"
	return nil
}

// keyTexts writes routing keys in hexadecimal: as JSON numbers they would lose their last digits.
func keyTexts(keys []uint64) []string {
	texts := make([]string, len(keys))
	for i, k := range keys {
		texts[i] = fmt.Sprintf("%#x", k)
	}
	return texts
}

// shownAs returns a payload as it is printed.
func shownAs(payload []byte) any {
	if json.Valid(payload) {
		return json.RawMessage(payload)
	}
	return string(payload)
}

// print tells people.
func (x *explanation) print(con *console) error {
	verdicts := map[string]string{
		"match": con.outStyle(green, "match") + ": the filter lets it through", "held": con.outStyle(yellow, "held back"),
		"failed": con.outStyle(red, "failed") + ": " + printable(x.Error) + "; the namespace's failure policy decides",
	}
	var out strings.Builder
	line := func(title, text string) { fmt.Fprintf(&out, "%-8s %s\n", title, text) }
	line("event", strings.TrimSpace(fmt.Sprintf("%d:%d of %s, %s %s", x.Epoch, x.Offset, x.Channel, x.Time, printable(x.Key))))
	line("filter", fmt.Sprintf("%s@%d (sha256 %.12s…)", x.Filter, x.Version, x.SHA256))
	line("verdict", verdicts[x.Verdict])
	if x.EventKeys != nil || x.Interest != nil {
		line("keys", fmt.Sprintf("event %v, params want %v", x.EventKeys, x.Interest))
	}
	switch shown := x.Shown.(type) {
	case json.RawMessage:
		line("shown", printable(string(shown)))
	case string:
		line("shown", printable(shown))
	}
	for _, text := range x.Log {
		line("log", printable(text))
	}
	_, err := con.out.Write([]byte(out.String()))
	return err
}
