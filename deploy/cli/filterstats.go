package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"weir/edge"
)

type filterStats struct {
	Name string `arg:"" optional:"" help:"Name of the filter. Without it: all of the tenant."`
	JSON bool   `help:"Print a JSON object a line."`
	adminTarget
}

func (filterStats) Help() string {
	return `Asks one edge what each version has done since the edge began to use it: decisions, matches, failures, refused params, and of a
shadow how many verdicts differ from the live version's, with the latest of these.

Examples:

    weir filter stats
    weir filter stats viewport --json
    weir filter stats viewport --admin http://127.0.0.1:8447 --tenant acme`
}

func (c *filterStats) Run(ctx context.Context, con *console) error {
	admin, err := c.resolve()
	if err != nil {
		return err
	}
	body, err := admin.get(ctx, "/filters/stats", url.Values{"filter": {c.Name}})
	if err != nil {
		return err
	}
	defer body.Close()
	var all []edge.FilterStats
	if err := json.NewDecoder(body).Decode(&all); err != nil {
		return fmt.Errorf("the edge's answer can't be read: %w", err)
	}
	list := listing{
		none:   "no filter is in use on this edge",
		header: []string{"FILTER", "ROLE", "DECISIONS", "MATCHES", "FAILURES", "REFUSED", "COMPARED", "DIFFER"},
	}
	for _, s := range all {
		list.add(s, fmt.Sprintf("%s@%d", s.Filter, s.Version), useOf(s), fmt.Sprint(s.Evaluations), fmt.Sprint(s.Matches),
			fmt.Sprint(s.Failures), fmt.Sprint(s.Refused), fmt.Sprint(s.Compared), fmt.Sprint(s.Differences))
	}
	if err := list.print(con, c.JSON); err != nil || c.JSON {
		return err
	}
	return printSamples(con, all)
}

// useOf tells people what a version is used for and how it is.
func useOf(s edge.FilterStats) string {
	text := filterView{Role: s.Role, Canary: s.CanaryPercent, Paused: s.Paused}.use()
	switch {
	case s.CanaryFailed:
		text += ", failed"
	case s.Suspended:
		text += ", suspended"
	}
	return text
}

// printSamples tells which events shadows judged otherwise.
func printSamples(con *console, all []edge.FilterStats) error {
	var out strings.Builder
	for _, s := range all {
		for _, d := range s.Samples {
			fmt.Fprintf(&out, "%s@%d says %s, version %d says %s: %s %d:%d, params %s\n",
				s.Filter, s.Version, d.Shadow, d.LiveVersion, d.Live, d.Channel, d.Epoch, d.Offset, d.Group)
		}
	}
	_, err := con.out.Write([]byte(out.String()))
	return err
}
