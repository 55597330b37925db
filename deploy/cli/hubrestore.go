package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"weir/hub/backup"
	"weir/hub/ca"
)

// hubRestore is "weir hub restore".
type hubRestore struct {
	File       string `arg:"" help:"The backup; - for standard input."`
	Data       string `required:"" help:"Data folder to make. It must be empty, but for certificates in link/." type:"path" env:"WEIR_HUB_DATA" placeholder:"DIR"`
	NodeID     string `name:"node-id" help:"Name of the new region's first node." default:"hub-1" env:"WEIR_HUB_NODE_ID" placeholder:"NAME"`
	KeepEpochs bool   `help:"Nobody published after the backup: subscribers go on from their cursors as if nothing had happened. Otherwise each is told of one gap."`
	JSON       bool   `help:"Print JSON."`
}

func (hubRestore) Help() string {
	return `Makes a backup the data folder of the first node of a new region. The others join that node, with empty folders; don't
restore the backup to them, or they would be regions of their own. The file is checked while it is read, and nothing that a
hub would open is there before all of it was right.

Tenants, API keys, signing keys, filters, channels, offsets and what retries are recognised by are those of the backup, and
so is the number of shards. New are the region's id, its nodes, and an operator's key in admin.key; those of before are good
as well. Certificates are not in the backup.

Events that have come of age since are dropped when the region starts. What came after the backup is gone, and its offsets
are given to other events. So all channels get new epochs, and every subscriber is sent one gap, or on a state channel a
snapshot: nobody misses anything without being told. If nobody published after the backup, as when a region moves, use
--keep-epochs: then subscribers go on as if nothing had happened. Retries of what
the backup has are recognised in either case.

Examples:

    weir hub restore weir-2026-11-22.backup --data /var/lib/weir --node-id new-1
    weir hub restore weir-2026-11-22.backup --data /var/lib/weir --keep-epochs
    weir hub --data /var/lib/weir --node-id new-1 --mesh 10.0.0.1:8447
    weir hub --data /var/lib/weir --node-id new-2 --join 10.0.0.1:8447`
}

// restoredView is what "weir hub restore" prints in JSON.
type restoredView struct {
	Region   string           `json:"region"`
	Node     string           `json:"node"`
	AdminKey string           `json:"admin_key_file"`
	Backup   *backup.Manifest `json:"backup"`
}

func (c *hubRestore) Run(ctx context.Context, con *console, log *slog.Logger) error {
	if err := ca.CheckNode(c.NodeID); err != nil {
		return err
	}
	from, closeFile, err := openArchive(ctx, con, c.File)
	if err != nil {
		return err
	}
	defer closeFile()
	p := newProgress(con, from)
	r, err := backup.Restore(ctx, p, backup.Target{Dir: c.Data, NodeID: c.NodeID, NewEpochs: !c.KeepEpochs, Logger: log})
	p.end()
	switch {
	case errors.Is(err, backup.ErrNotEmpty):
		return failf("give --data another folder, or move this one away: a restore replaces nothing", "%w", err)
	case err != nil:
		return explainArchive(err, "use another backup; nothing was restored")
	case c.JSON:
		return con.printJSON(restoredView{Region: r.RegionID, Node: c.NodeID, AdminKey: r.AdminKey, Backup: r.Manifest})
	}
	_, err = fmt.Fprintf(con.out, "%s\nrestored to %s as the first node of region %s; its operator's key is in %s\nstart it: weir hub --data %s --node-id %s\n",
		summary(r.Manifest), c.Data, r.RegionID, r.AdminKey, c.Data, c.NodeID)
	return err
}
