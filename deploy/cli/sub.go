package cli

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"time"

	"weir/edge/edgeclient"
)

// subCommand is "weir sub".
type subCommand struct {
	Channel string        `arg:"" help:"Channel to subscribe to."`
	Filter  []string      `short:"f" help:"Filter that decides what is let through. Repeatable: all have to agree." sep:"none" placeholder:"NAME[@VERSION]"`
	Params  []string      `short:"p" help:"Params of the filter before it." sep:"none" placeholder:"JSON"`
	Since   string        `help:"Where to begin on a log channel: earliest, or after a place that --json has printed. By default with the next event." placeholder:"EPOCH:OFFSET"`
	JSON    bool          `help:"Print a JSON object a line. The default unless standard output is a terminal."`
	Count   int           `short:"n" help:"End after so many events." placeholder:"N"`
	For     time.Duration `help:"End after this time." placeholder:"DURATION"`
	edgeTarget
}

func (subCommand) Help() string {
	return `Goes on across lost connections: each event is printed once, in order, or a gap is. The types of lines are event on
log channels; snapshot, enter, update and leave on state channels; gap for events that are lost; skip for events that
filters held back.

Examples:

    weir sub chat
    weir sub chat --since earliest --json --count 10
    weir sub flights --filter viewport --params '{"west":-80,"south":38,"east":-70,"north":44}'
    weir sub flights --filter expr --params 'delay > 60 and origin == "ORD"' --for 10s
    weir sub orders --since 1795000000123:42 --json | while read -r line; do handle "$line"; done`
}

var (
	// errEnough ends a subscription that has printed what was asked for.
	errEnough = errors.New("enough")
	// errOutput ends one whose output nobody takes; what is wrong with it, the writer says.
	errOutput = errors.New("the output can't be written to")
)

func (c *subCommand) Run(ctx context.Context, con *console, log *slog.Logger) error {
	if c.Count < 0 || c.For < 0 {
		return usagef("", "--count and --for can't be negative")
	}
	options, err := c.options()
	if err != nil {
		return err
	}
	address, err := c.resolve()
	if err != nil {
		return err
	}
	if c.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, c.For, errEnough)
		defer cancel()
	}
	client, err := dialEdge(ctx, address, log)
	if err != nil {
		return c.unlessEnded(ctx, err)
	}
	defer client.Close()
	subscription, err := subscribe(ctx, address, client, c.Channel, options)
	if err != nil {
		return c.unlessEnded(ctx, err)
	}
	return c.unlessEnded(ctx, c.print(ctx, con, subscription))
}

// unlessEnded returns err, nil if the command has ended as it was asked to.
func (c *subCommand) unlessEnded(ctx context.Context, err error) error {
	if ctx.Err() != nil || errors.Is(err, errEnough) || isClosedOutput(err) {
		return nil
	}
	return err
}

// options returns what the flags ask for.
func (c *subCommand) options() (edgeclient.SubscribeOptions, error) {
	options := edgeclient.SubscribeOptions{Skips: true}
	var err error
	if options.Filters, err = parseFilters(c.Filter, c.Params); err != nil {
		return options, err
	}
	options.Earliest, options.After, err = parseSince(c.Since)
	return options, err
}

// print prints what is delivered, until ctx ends, enough is printed or the subscription fails.
func (c *subCommand) print(ctx context.Context, con *console, from *edgeclient.Subscription) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	out := newBatchWriter(con.out, func(error) { stop(errOutput) })
	err := c.deliver(ctx, con, from, out)
	// A failure to write is why the rest failed.
	if writing := out.close(); writing != nil {
		return writing
	}
	return err
}

// deliver hands lines over to out.
func (c *subCommand) deliver(ctx context.Context, con *console, from *edgeclient.Subscription, out *batchWriter) error {
	left := c.Count
	asJSON := c.JSON || !con.outTerminal
	var held skipSum
	for message, err := range from.Messages(ctx) {
		if err != nil {
			return err
		}
		if message.Type == edgeclient.Synced || !asJSON && message.Type == edgeclient.Skip && !held.due(&message, time.Now()) {
			continue
		}
		line := lineOf(&message)
		var text bytes.Buffer
		if asJSON {
			if err := line.appendJSON(&text); err != nil {
				return err
			}
		} else {
			line.appendText(&text, con)
		}
		out.write(text.Bytes())
		if line.isEvent() && c.Count > 0 {
			if left--; left == 0 {
				return errEnough
			}
		}
	}
	return nil
}

// skipInterval is how often people are told of events that are held back.
const skipInterval = time.Second

// A skipSum adds up skips between the times that people are told of them.
type skipSum struct {
	events uint64
	told   time.Time
}

// due adds a skip. When it is time to tell, it puts the sum into the message and begins anew.
func (s *skipSum) due(message *edgeclient.Message, now time.Time) bool {
	s.events += message.Skipped
	if now.Sub(s.told) < skipInterval {
		return false
	}
	message.Skipped, s.events, s.told = s.events, 0, now
	return true
}
