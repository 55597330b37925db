package cli

import (
	"fmt"
	"strings"
	"time"

	"weir/hub/ca"
)

// caRotate is "weir ca rotate".
type caRotate struct {
	Begin  caRotateBegin  `cmd:"" help:"Make a new authority beside the one that there is."`
	Finish caRotateFinish `cmd:"" help:"Drop the authority from before."`
}

func (caRotate) Help() string {
	return `Replaces the authority in three steps. Between them all nodes know each other, whatever has reached them already.

  1. "weir ca rotate begin"; then copy ca.pem, which now has both authorities, to every node.
  2. "weir ca issue" for every node, by the new authority; then copy the files there.
  3. "weir ca rotate finish"; then copy ca.pem, which has the new authority alone, to every node.

"weir ca status" shows who has no certificate of the new authority yet.

Examples:

    weir ca rotate begin --dir /secure/weir-ca
    weir ca rotate finish --dir /secure/weir-ca`
}

type caRotateBegin struct{ caFolder }

func (caRotateBegin) Help() string {
	return `Makes a new authority, which issues from now on. Nodes believe it once they have the ca.pem with both.

Examples:

    weir ca rotate begin --dir /secure/weir-ca`
}

func (c *caRotateBegin) Run(con *console) error {
	authority, err := ca.Load(c.Dir)
	if err == nil {
		err = authority.BeginRotation(time.Now())
	}
	if err != nil {
		return explainCA(err)
	}
	fmt.Fprintf(con.err, `made a new authority beside the one that there is. Now:
  1. copy %s to every hub and edge, and wait until all have said in their logs that it is in use
  2. issue each of them a certificate with "weir ca issue", and copy it there
  3. weir ca rotate finish
`, caFile(c.Dir))
	return nil
}

func caFile(dir string) string { return shortPath(dir) + "/" + ca.FileCA }

type caRotateFinish struct {
	Force bool `help:"Also when some nodes still have certificates of the old authority: those are locked out."`
	caFolder
}

func (caRotateFinish) Help() string {
	return `Drops the old authority and its key. It refuses while a certificate that the old one has issued is valid and no newer
one was issued for that name. For a node that is gone for good, remove its file from the folder issued.

Examples:

    weir ca rotate finish --dir /secure/weir-ca`
}

func (c *caRotateFinish) Run(con *console) error {
	authority, err := ca.Load(c.Dir)
	if err != nil {
		return explainCA(err)
	}
	if authority.Rotating() && !c.Force {
		if err := c.refuseOutdated(authority); err != nil {
			return err
		}
	}
	if err := authority.FinishRotation(); err != nil {
		return explainCA(err)
	}
	fmt.Fprintf(con.err, "dropped the old authority. Now copy %s to every hub and edge\n", caFile(c.Dir))
	return nil
}

func (c *caRotateFinish) refuseOutdated(authority *ca.Authority) error {
	outdated, err := authority.Outdated(time.Now())
	if err != nil {
		return explainCA(err)
	}
	if len(outdated) == 0 {
		return nil
	}
	names := make([]string, len(outdated))
	for i, record := range outdated {
		names[i] = record.Name
	}
	return failf(`issue new ones with "weir ca issue"; of nodes that are gone, remove the files in `+shortPath(c.Dir)+"/issued",
		"the last certificates of %s are of the old authority", strings.Join(names, ", "))
}
