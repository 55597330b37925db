package cli

import (
	"context"
	"fmt"

	"weir/proto/weirpb"
)

// hubLeave is "weir hub leave".
type hubLeave struct {
	Node string `arg:"" help:"Name of the node."`
	JSON bool   `help:"Print JSON."`
	apiTarget
}

func (hubLeave) Help() string {
	return `The node hands over what it leads and leaves one group after another, as long as enough others are well for a
majority. It may be dead. When "weir hub status" does not list it any more, it can be stopped and its data be removed.

Needs an operator's API key.

Examples:

    weir hub leave hub-3`
}

func (c *hubLeave) Run(ctx context.Context, con *console) error {
	return retire(ctx, con, &c.apiTarget, c.Node, "", c.JSON)
}

// hubReplace is "weir hub replace".
type hubReplace struct {
	Node string `arg:"" help:"Name of the node that is dead or whose data are gone."`
	With string `required:"" help:"Name of the node that takes its place; it has joined." placeholder:"NAME"`
	JSON bool   `help:"Print JSON."`
	apiTarget
}

func (hubReplace) Help() string {
	return `The new node gets its votes before the old one loses them. A node whose data folder was lost comes back so, under
another name: it has forgotten what it voted for.

Needs an operator's API key.

Examples:

    weir hub join 10.0.0.1:8447 --data /var/lib/weir --node-id hub-4 --mesh 10.0.0.4:8447
    weir hub replace hub-3 --with hub-4`
}

func (c *hubReplace) Run(ctx context.Context, con *console) error {
	return retire(ctx, con, &c.apiTarget, c.Node, c.With, c.JSON)
}

func retire(ctx context.Context, con *console, target *apiTarget, node, by string, asJSON bool) error {
	client, err := target.resolve()
	if err != nil {
		return err
	}
	n, err := client.operator().RetireNode(ctx, &weirpb.RetireNodeRequest{Id: node, ReplacedBy: by})
	if err != nil {
		return client.explain(err)
	}
	if asJSON {
		return con.printJSON(viewNode(n))
	}
	text := fmt.Sprintf("%s leaves the region", n.GetId())
	if by != "" {
		text = fmt.Sprintf("%s takes the place of %s", by, n.GetId())
	}
	_, err = fmt.Fprintf(con.out, "%s; \"weir hub status\" tells how far it is\n", text)
	return err
}
