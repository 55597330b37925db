package cli

// hubCommand is "weir hub": a node by itself, and what operators do with a region's nodes.
type hubCommand struct {
	Run     hubRun     `cmd:"" default:"withargs" help:"Run a node: ordering and storage of a region. \"weir hub\" alone does the same."`
	Join    hubJoin    `cmd:"" help:"Run a new node of a region that is there."`
	Status  hubStatus  `cmd:"" help:"Say how the nodes and groups of a region are."`
	Leave   hubLeave   `cmd:"" help:"Have a node leave its region."`
	Replace hubReplace `cmd:"" help:"Have a new node take the place of a dead one."`
	Verify  hubVerify  `cmd:"" help:"Read all that is on the nodes' disks, to find what has rotted."`
	Recover hubRecover `cmd:"" help:"Go on with one node's data of a group whose other logs are lost."`
	Backup  hubBackup  `cmd:"" help:"Take a backup of a region, or check one."`
	Restore hubRestore `cmd:"" help:"Make a backup the first node of a new region."`
}

func (hubCommand) Help() string {
	return `"weir hub" with settings runs a node; "weir hub run --help" lists them.

Examples:

    weir hub --data /var/lib/weir
    weir hub --config /etc/weir/hub.yaml
    weir hub status
    weir hub join 10.0.0.1:8447 --data /var/lib/weir --node-id hub-4 --mesh 10.0.0.4:8447
    weir hub leave hub-3
    weir hub replace hub-3 --with hub-4
    weir hub verify
    weir hub recover 2 --node hub-3
    weir hub backup --out weir.backup
    weir hub restore weir.backup --data /var/lib/weir`
}
