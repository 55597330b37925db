package cli

// hubCommand is "weir hub": a node by itself, and what operators do with a region's nodes.
type hubCommand struct {
	Run hubRun `cmd:"" default:"withargs" help:"Run a node: ordering and storage of a region. \"weir hub\" alone does the same."`
}

func (hubCommand) Help() string {
	return `"weir hub" with settings runs a node; "weir hub run --help" lists them.

Examples:

    weir hub --data /var/lib/weir
    weir hub --config /etc/weir/hub.yaml`
}
