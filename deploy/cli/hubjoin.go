package cli

import (
	"context"
	"log/slog"
)

// hubJoin is "weir hub join": hubRun with the addresses as arguments, and without what is for new regions.
type hubJoin struct {
	Address []string `arg:"" help:"Mesh addresses of nodes of the region." placeholder:"HOST:PORT"`
	hubNode
}

func (hubJoin) Help() string {
	return `The node's data folder is empty but for link/, with its certificate: "weir ca issue hub hub-4 --out DIR/link".
It receives the log of each group first, and has votes once it has caught up; "weir hub status" tells how far it is.
It goes on running: later starts are those of any node, with "weir hub".

Examples:

    weir hub join 10.0.0.1:8447 10.0.0.2:8447 --data /var/lib/weir --node-id hub-4 --mesh 10.0.0.4:8447`
}

func (c *hubJoin) Run(ctx context.Context, con *console, log *slog.Logger) error {
	run := hubRun{hubNode: c.hubNode, Join: c.Address, Shards: 1} // how many there are the region knows
	return run.Run(ctx, con, log)
}
