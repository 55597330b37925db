package cli

import (
	"fmt"
	"time"

	"weir/hub/ca"
)

type caIssue struct {
	Role string   `arg:"" help:"hub or edge." enum:"hub,edge"`
	Name string   `arg:"" help:"Name of the node: of a hub its --node-id, of an edge any that no other has."`
	Out  string   `required:"" help:"Folder for ca.pem, the certificate and its key." type:"path" placeholder:"DIR"`
	Days int      `help:"How long it is valid." default:"365" placeholder:"N"`
	Host []string `help:"Name or address of the machine, for tools that look for one in certificates; weir does not. Repeatable." placeholder:"HOST"`
	caFolder
}

func (caIssue) Help() string {
	return `Makes a certificate and puts it with its key and ca.pem into a folder, for a node to take as it is: a hub has it as
the folder link in its data folder, an edge names it with --link-identity. Issue one anew at any time: the node takes
it over when its files change.

Examples:

    weir ca issue hub hub-1 --out hub-1/link
    weir ca issue edge edge-fra-1 --out edge-fra-1/link --days 90
    weir ca issue hub hub-2 --out hub-2/link --host hub-2.internal --host 10.0.0.2`
}

func (c *caIssue) Run(con *console) error {
	if c.Days < 1 {
		return usagef("", "--days must be at least 1")
	}
	authority, err := ca.Load(c.Dir)
	if err != nil {
		return explainCA(err)
	}
	certificate, err := authority.Issue(c.Out, ca.Request{
		Name: ca.Name{Role: ca.Role(c.Role), Node: c.Name}, Hosts: c.Host, Life: time.Duration(c.Days) * 24 * time.Hour,
	}, time.Now())
	if err != nil {
		return explainCA(err)
	}
	fmt.Fprintf(con.err, "issued %s to %s, valid until %s: %s, %s and %s in %s\n", c.Role, c.Name, certificate.NotAfter.UTC().Format(time.DateOnly),
		ca.FileCA, ca.CertificateFile(ca.Role(c.Role)), ca.KeyFile(ca.Role(c.Role)), shortPath(c.Out))
	return nil
}
