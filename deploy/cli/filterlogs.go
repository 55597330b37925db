package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"

	"weir/deploy/cli/internal/filteradmin"
)

type filterLogs struct {
	Name   string `arg:"" help:"Name of the filter."`
	Follow bool   `short:"f" help:"Go on with what it says from now on, until Ctrl-C."`
	JSON   bool   `help:"Print a JSON object a line."`
	adminTarget
}

func (filterLogs) Help() string {
	return `Prints what a filter has said by weir.log on one edge lately. An edge keeps the latest 1,000 lines of all filters, and
writes at most 10 a second of one instance; what is left out is counted.

Examples:

    weir filter logs viewport
    weir filter logs viewport -f --json`
}

func (c *filterLogs) Run(ctx context.Context, con *console) error {
	admin, err := c.resolve()
	if err != nil {
		return err
	}
	body, err := admin.get(ctx, "/filters/logs", url.Values{"filter": {c.Name}, "follow": {strconv.FormatBool(c.Follow)}})
	if err != nil {
		return c.unlessEnded(ctx, err)
	}
	defer body.Close()
	lines := bufio.NewScanner(body)
	for lines.Scan() {
		if err := c.print(con, lines.Bytes()); err != nil {
			return c.unlessEnded(ctx, err)
		}
	}
	return c.unlessEnded(ctx, lines.Err())
}

// unlessEnded returns err, nil if the command has ended as it was asked to.
func (c *filterLogs) unlessEnded(ctx context.Context, err error) error {
	if ctx.Err() != nil || isClosedOutput(err) {
		return nil
	}
	return err
}

func (c *filterLogs) print(con *console, text []byte) error {
	var line filteradmin.Line
	if err := json.Unmarshal(text, &line); err != nil {
		return fmt.Errorf("the edge's answer can't be read: %w", err)
	}
	if c.JSON {
		return con.printJSON(line)
	}
	leftOut := ""
	if line.LeftOut > 0 {
		leftOut = con.outStyle(dim, fmt.Sprintf(" (%d more before it)", line.LeftOut))
	}
	_, err := fmt.Fprintf(con.out, "%s %s@%d %s%s\n", con.outStyle(dim, line.Time), line.Filter, line.Version, printable(line.Text), leftOut)
	return err
}
