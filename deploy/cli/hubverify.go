package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

// hubVerify is "weir hub verify".
type hubVerify struct {
	Node   string `arg:"" optional:"" help:"Name of one node. Without it all of them."`
	NoWait bool   `help:"Return at once."`
	JSON   bool   `help:"Print JSON."`
	apiTarget
}

func (hubVerify) Help() string {
	return `Reads all that the nodes have on disk, the logs, the states and the snapshots, and compares the checksums: what
nobody reads may have rotted. Nodes do so by themselves, every "verify-every", at most "verify-rate" bytes a
second. What is damaged is set aside and rebuilt from the other nodes; a node that is alone says so in its log and in
weir_hub_store_corruption_total.

Exits with 0 if all nodes that were asked have been read and no damage has been found. Needs an operator's API key.

Examples:

    weir hub verify
    weir hub verify hub-2 --no-wait`
}

// verifyPoll is how often it is asked how far they are.
const verifyPoll = time.Second

func (c *hubVerify) Run(ctx context.Context, con *console) error {
	client, err := c.resolve()
	if err != nil {
		return err
	}
	before, err := client.operator().GetRegion(ctx, &weirpb.GetRegionRequest{})
	if err != nil {
		return client.explain(err)
	}
	begun, err := client.operator().VerifyRegion(ctx, &weirpb.VerifyRegionRequest{Node: c.Node})
	if err != nil {
		return client.explain(err)
	}
	found := verifyView{Nodes: begun.GetNodes(), Silent: silent(before, begun.GetNodes(), c.Node), Damaged: []string{}}
	if len(found.Silent) > 0 && !c.JSON {
		fmt.Fprintf(con.err, "not read, because they do not answer: %s\n", strings.Join(found.Silent, ", "))
	}
	if c.NoWait {
		if c.JSON {
			return con.printJSON(found)
		}
		_, err = fmt.Fprintf(con.out, "%s have begun; \"weir hub status\" tells how far they are\n", strings.Join(found.Nodes, ", "))
		return err
	}
	for shown := -1; ; {
		now, err := client.operator().GetRegion(ctx, &weirpb.GetRegionRequest{})
		if err != nil {
			return client.explain(err)
		}
		p := compareVerified(before, now, begun.GetNodes())
		if p.left == 0 {
			found.Damaged = append(found.Damaged, p.damaged...)
			return c.report(con, found)
		}
		if share := p.share(); share != shown && !c.JSON {
			shown = share
			fmt.Fprintf(con.err, "%d groups to read, %d%% of those under way\n", p.left, share)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(verifyPoll):
		}
	}
}

type verifyView struct {
	Nodes   []string `json:"nodes"`
	Silent  []string `json:"silent"` // nodes that could not be asked
	Damaged []string `json:"damaged"`
}

// silent returns the region's nodes that should have begun, all or the one that was named, and have not.
func silent(region *weirpb.Region, begun []string, named string) []string {
	names := []string{} // a list in JSON, also when it is empty
	for _, node := range region.GetNodes() {
		if name := node.GetId(); (named == "" || name == named) && !slices.Contains(begun, name) {
			names = append(names, name)
		}
	}
	return names
}

// A verifying is how far nodes are that verify what they have.
type verifying struct {
	left        int // groups that have not come to their end
	done, total uint64
	damaged     []string
}

func (v verifying) share() int {
	if v.total == 0 {
		return 0
	}
	return int(100 * v.done / v.total)
}

// compareVerified looks which of the nodes' groups have been read since before.
func compareVerified(before, now *weirpb.Region, nodes []string) verifying {
	type part struct {
		group uint32
		node  string
	}
	was := map[part]*weirpb.Verification{}
	for _, g := range before.GetGroups() {
		for _, m := range g.GetMembers() {
			was[part{g.GetGroup(), m.GetNode()}] = m.GetVerification()
		}
	}
	var p verifying
	for _, g := range now.GetGroups() {
		for _, m := range g.GetMembers() {
			v, old := m.GetVerification(), was[part{g.GetGroup(), m.GetNode()}]
			switch {
			case !slices.Contains(nodes, m.GetNode()):
			case v.GetDamagedMs() > old.GetDamagedMs() || m.GetAils() == "log" || m.GetAils() == "state":
				p.damaged = append(p.damaged, fmt.Sprintf("group %d of %s", g.GetGroup(), m.GetNode()))
			case v.GetFinishedMs() > old.GetFinishedMs():
			default:
				p.left++
				p.done, p.total = p.done+v.GetDoneBytes(), p.total+v.GetTotalBytes()
			}
		}
	}
	return p
}

func (c *hubVerify) report(con *console, found verifyView) error {
	var err error
	switch {
	case c.JSON:
		err = con.printJSON(found)
	case len(found.Damaged) == 0:
		_, err = fmt.Fprintf(con.out, "%s: all that is on disk is as it was written\n", strings.Join(found.Nodes, ", "))
	}
	switch {
	case err != nil:
		return err
	case len(found.Damaged) > 0:
		return fault.New(fault.Internal, "damage has been found: %s", strings.Join(found.Damaged, ", ")).
			WithHint("it is rebuilt from the other nodes, if there are any; look after the disk. \"weir hub status\" tells how far it is")
	case len(found.Silent) > 0:
		return fault.New(fault.Unavailable, "not all nodes have been read: %s did not answer", strings.Join(found.Silent, ", ")).
			WithHint("once \"weir hub status\" shows them up, run weir hub verify NODE for each")
	}
	return nil
}
