package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"weir/edge/edgeclient"
)

// filterRun is "weir filter run".
type filterRun struct {
	Channel string        `arg:"" help:"Channel whose events are decided about."`
	Watch   bool          `help:"Build anew whenever a source changes."`
	Params  string        `short:"p" help:"Params of the subscriber. By default those in weir.yaml." placeholder:"JSON"`
	Since   string        `help:"Where to begin on a log channel: earliest, or EPOCH:OFFSET. By default with the next event." placeholder:"EPOCH:OFFSET"`
	JSON    bool          `help:"Print a JSON object a line. The default unless standard output is a terminal."`
	Count   int           `short:"n" help:"End after so many events." placeholder:"N"`
	For     time.Duration `help:"End after this time." placeholder:"DURATION"`
	projectFlag
	edgeTarget
}

func (filterRun) Help() string {
	return `Subscribes to all events of a channel and decides about them in this process, with the project's filter. Nothing is
uploaded, and nobody else notices.

Examples:

    weir filter run flights --watch --params '{"min":60}'
    weir filter run chat --since earliest --count 100 --json`
}

func (c *filterRun) Run(ctx context.Context, con *console, log *slog.Logger) error {
	sub := subCommand{Channel: c.Channel, Since: c.Since, Count: c.Count, For: c.For, edgeTarget: c.edgeTarget}
	if c.Count < 0 || c.For < 0 {
		return usagef("", "--count and --for can't be negative")
	}
	options, err := sub.options()
	if err != nil {
		return err
	}
	p, err := c.load()
	if err != nil {
		return err
	}
	address, err := c.resolve()
	if err != nil {
		return err
	}
	trial, err := newTrial(ctx, p, c.Params, con, log)
	if err != nil {
		return err
	}
	defer trial.close() // a filter that ran
	if c.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, c.For, errEnough)
		defer cancel()
	}
	client, err := dialEdge(ctx, address, log)
	if err != nil {
		return sub.unlessEnded(ctx, err)
	}
	defer client.Close()
	subscription, err := subscribe(ctx, address, client, c.Channel, options)
	if err != nil {
		return sub.unlessEnded(ctx, err)
	}
	if c.Watch {
		stop := trial.watch(ctx, con, log)
		defer stop()
	}
	return sub.unlessEnded(ctx, c.print(ctx, con, subscription, trial))
}

// print prints what the filter says about what is delivered.
func (c *filterRun) print(ctx context.Context, con *console, from *edgeclient.Subscription, trial *trial) error {
	left := c.Count
	asJSON := c.JSON || !con.outTerminal
	for message, err := range from.Messages(ctx) {
		if err != nil {
			return err
		}
		switch message.Type {
		case edgeclient.Synced, edgeclient.Skip, edgeclient.Leave:
			continue
		}
		line := &trialLine{subLine: lineOf(&message)}
		if line.isEvent() {
			trial.decide(ctx, &message, line)
		}
		var text bytes.Buffer
		if asJSON {
			encoder := json.NewEncoder(&text)
			encoder.SetEscapeHTML(false)
			if err := encoder.Encode(line); err != nil {
				return err
			}
		} else {
			line.appendText(&text, con)
		}
		if _, err := con.out.Write(text.Bytes()); err != nil {
			return err
		}
		if line.isEvent() && c.Count > 0 {
			if left--; left == 0 {
				return errEnough
			}
		}
	}
	return nil
}

// A trialLine is one line of "weir filter run --json": an event, and what the filter says about it.
type trialLine struct {
	*subLine
	// Match is whether it is let through; none where the filter failed, and for gaps.
	Match *bool `json:"match,omitempty"`
	// Projection is what the subscriber is shown instead of the payload; as text where it is not JSON.
	Projection any    `json:"projection,omitempty"`
	Error      string `json:"error,omitempty"`
}

func (l *trialLine) appendText(buf *bytes.Buffer, con *console) {
	switch {
	case l.Error != "":
		fmt.Fprintf(buf, "%s ", con.outStyle(red, "error"))
	case l.Match == nil:
	case *l.Match:
		fmt.Fprintf(buf, "%s ", con.outStyle(green, "yes  "))
	default:
		fmt.Fprintf(buf, "%s ", con.outStyle(dim, "no   "))
	}
	l.subLine.appendText(buf, con)
	if l.Error != "" {
		fmt.Fprintf(buf, "      %s\n", printable(l.Error))
	}
	if l.Projection != nil {
		fmt.Fprintf(buf, "      shown as %s\n", printable(fmt.Sprintf("%s", l.Projection)))
	}
}
