package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"weir/edge"
)

// subscriptionsCommand is "weir subscriptions".
type subscriptionsCommand struct {
	Channel string `arg:"" optional:"" help:"Only those to this channel."`
	JSON    bool   `help:"Print a JSON object a line."`
	adminTarget
}

func (subscriptionsCommand) Help() string {
	return `Lists the subscriptions that are open on one edge, with the filters that decide for them and how far they have been told.
"weir explain --subscription" takes what the first column says.

Examples:

    weir subscriptions
    weir subscriptions flights --json
    weir subscriptions --admin http://127.0.0.1:8447 --tenant acme`
}

func (c *subscriptionsCommand) Run(ctx context.Context, con *console) error {
	admin, err := c.resolve()
	if err != nil {
		return err
	}
	body, err := admin.get(ctx, "/subscriptions", url.Values{"channel": {c.Channel}})
	if err != nil {
		return err
	}
	defer body.Close()
	var all []edge.Subscription
	if err := json.NewDecoder(body).Decode(&all); err != nil {
		return fmt.Errorf("the edge's answer can't be read: %w", err)
	}
	list := listing{none: "no subscriptions", header: []string{"SUBSCRIPTION", "SUBJECT", "CHANNEL", "TOLD", "FILTERS"}}
	for _, s := range all {
		told := "catching up"
		if s.Epoch != 0 {
			told = fmt.Sprintf("%d:%d", s.Epoch, s.Offset)
		}
		var filters []string
		for _, f := range s.Filters {
			text := fmt.Sprintf("%s@%d", f.Filter, f.Version)
			if f.Pinned {
				text += " (pinned)"
			}
			filters = append(filters, text)
		}
		list.add(s, s.ID, printable(s.Subject), s.Channel, told, strings.Join(filters, ", "))
	}
	return list.print(con, c.JSON)
}
