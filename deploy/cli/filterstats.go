package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"

	"weir/edge"
	"weir/proto/weirpb"
)

type filterStats struct {
	Name  string `arg:"" optional:"" help:"Name of the filter. Without it: all of the tenant."`
	Edges bool   `help:"Print a row for each edge as well."`
	Admin string `help:"Ask this edge alone, on its private address: what it has counted up to now." placeholder:"URL"`
	JSON  bool   `help:"Print a JSON object a line."`
	tenantFlag
	apiTarget
}

func (filterStats) Help() string {
	return `Says what each version has done on all edges of the region: decisions, matches, failures, refused params, calls that were not
made (UNASKED) as the tenant had no fuel left, the fuel of those that were, and of a shadow how many verdicts differ from the live
version's, with the latest of these. RECHECKED calls were repeated on an instance that had never been called; a version that
then decided otherwise DEPENDS ON HISTORY, which none may (filters/README.md).

Edges report every 5 seconds, so a filter that has just been used may be missing. Whichever node of the hub is asked, it asks the
others as well. What an edge that is gone has reported stays in the sum, for as long as a node runs that it was reported to.

Examples:

    weir filter stats
    weir filter stats viewport --edges
    weir filter stats viewport --json
    weir filter stats viewport --admin http://127.0.0.1:8447 --tenant acme`
}

func (c *filterStats) Run(ctx context.Context, con *console) error {
	all, err := c.fetch(ctx, con)
	if err != nil {
		return err
	}
	list := listing{
		none:   "no filter is in use, as far as edges have reported; they do every 5 seconds",
		header: []string{"FILTER", "ROLE", "DECISIONS", "MATCHES", "FAILURES", "REFUSED", "UNASKED", "FUEL", "COMPARED", "DIFFER", "RECHECKED", "EDGES"},
	}
	for _, s := range all {
		list.add(s, append([]string{fmt.Sprintf("%s@%d", s.Filter, s.Version), s.use()}, append(s.cells(), s.edgeCount())...)...)
		if !c.Edges || c.JSON {
			continue
		}
		for _, e := range s.Edges {
			list.add(nil, append([]string{"  " + e.name(), e.state()}, append(e.cells(), "")...)...)
		}
	}
	if err := list.print(con, c.JSON); err != nil || c.JSON {
		return err
	}
	return printFindings(con, all)
}

// fetch asks the hub, or the one edge that is named.
func (c *filterStats) fetch(ctx context.Context, con *console) ([]statsView, error) {
	if c.Admin != "" {
		return c.fetchFromEdge(ctx)
	}
	client, err := c.resolve()
	if err != nil {
		return nil, err
	}
	response, err := client.filters().GetFilterStats(ctx, &weirpb.GetFilterStatsRequest{Tenant: c.or(client), Name: c.Name})
	if err != nil {
		return nil, client.explain(err)
	}
	if n := response.GetUnaskedNodes(); n > 0 {
		fmt.Fprintf(con.err, "%d of the hub's nodes did not answer: what they alone know, of edges that are gone, is missing\n", n)
	}
	var all []statsView
	for _, s := range response.GetFilters() {
		all = append(all, viewStats(s))
	}
	return all, nil
}

func (c *filterStats) fetchFromEdge(ctx context.Context) ([]statsView, error) {
	admin, err := (&adminTarget{Admin: c.Admin, Tenant: c.Tenant}).resolve()
	if err != nil {
		return nil, err
	}
	body, err := admin.get(ctx, "/filters/stats", url.Values{"filter": {c.Name}})
	if err != nil {
		return nil, err
	}
	defer body.Close()
	var rows []edge.FilterStats
	if err := json.NewDecoder(body).Decode(&rows); err != nil {
		return nil, fmt.Errorf("the edge's answer can't be read: %w", err)
	}
	var all []statsView
	for _, s := range rows {
		all = append(all, statsOfEdge(s))
	}
	return all, nil
}

// printFindings tells which filters depend on history, and which events shadows judged otherwise.
func printFindings(con *console, all []statsView) error {
	var out strings.Builder
	for _, s := range all {
		if s.HistoryDependent > 0 {
			fmt.Fprintf(&out, "%s\n", con.outStyle(red, fmt.Sprintf(
				"%s@%d depends on history: %d of %d calls that were repeated came out otherwise; filters/README.md says what to do",
				s.Filter, s.Version, s.HistoryDependent, s.Rechecked)))
		}
		for _, d := range s.Samples {
			fmt.Fprintf(&out, "%s@%d says %s, version %d says %s: %s %d:%d, params %s\n",
				s.Filter, s.Version, d.Shadow, d.LiveVersion, d.Live, d.Channel, d.Epoch, d.Offset, d.Group)
		}
	}
	_, err := con.out.Write([]byte(out.String()))
	return err
}
