package cli

import (
	"context"
	"fmt"
	"strings"

	"weir/proto/weirpb"
)

// roleOf names what a version is used for. Servers that know no roles tell only what is live.
func roleOf(f *weirpb.FilterVersion) string {
	switch {
	case f.GetLive():
		return "live"
	case f.GetRole() == weirpb.FilterRole_FILTER_ROLE_UNSPECIFIED:
		return "superseded"
	}
	return strings.ToLower(strings.TrimPrefix(f.GetRole().String(), "FILTER_ROLE_"))
}

// use tells people what a version is used for: "canary 10 %, paused".
func (v filterView) use() string {
	text := v.Role
	if v.Canary > 0 {
		text += fmt.Sprintf(" %d %%", v.Canary)
	}
	if v.Paused {
		text += ", paused"
	}
	if v.HistoryDependent {
		text += ", depends on history"
	}
	return text
}

// roleCommand is what the commands have in common that change the role of a version.
type roleCommand struct {
	JSON bool `help:"Print JSON."`
	tenantFlag
	apiTarget
}

// change makes a call about a version, named NAME or NAME@VERSION, and prints what the version is used for then.
func (c *roleCommand) change(ctx context.Context, con *console, text string,
	call func(client *apiClient, tenant, name string, version uint32) (*weirpb.FilterVersion, error),
) error {
	name, version, err := parseFilterName(text)
	if err != nil {
		return err
	}
	client, err := c.resolve()
	if err != nil {
		return err
	}
	changed, err := call(client, c.or(client), name, version)
	if err != nil {
		return client.explain(err)
	}
	return c.print(con, changed)
}

func (c *roleCommand) print(con *console, version *weirpb.FilterVersion) error {
	view := viewFilter(version)
	if c.JSON {
		return con.printJSON(view)
	}
	if _, err := fmt.Fprintf(con.out, "filter %s@%d is %s\n", view.Name, view.Version, view.use()); err != nil {
		return err
	}
	if view.Live && view.Paused {
		fmt.Fprintf(con.err, "nobody asks it: each namespace's failure policy decides, until: weir filter resume %s@%d\n", view.Name, view.Version)
	}
	return nil
}
