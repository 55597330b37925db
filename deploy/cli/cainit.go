package cli

import (
	"fmt"
	"path/filepath"
	"time"

	"weir/hub/ca"
)

type caInit struct{ caFolder }

func (caInit) Help() string {
	return `Makes an authority that is valid for ten years: ca.pem, which every node gets, and ca-key.pem, which stays where it
is. Whoever has ca-key.pem can make itself a hub of the region: keep it off the nodes, and keep a copy.

Examples:

    weir ca init
    weir ca init --dir /secure/weir-ca`
}

func (c *caInit) Run(con *console) error {
	authority, err := ca.Create(c.Dir, time.Now())
	if err != nil {
		return explainCA(err)
	}
	fmt.Fprintf(con.err, "made an authority in %s, valid until %s; keep %s to yourself\n",
		shortPath(c.Dir), authority.Certificates()[0].NotAfter.UTC().Format(time.DateOnly), filepath.Join(shortPath(c.Dir), ca.FileCAKey))
	return nil
}
