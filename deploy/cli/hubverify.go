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

Exits with 0 if no damage has been found. Needs an operator's API key.

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
	if c.NoWait {
		if c.JSON {
			return con.printJSON(verifyView{Nodes: begun.GetNodes()})
		}
		_, err = fmt.Fprintf(con.out, "%s have begun; \"weir hub status\" tells how far they are\n", strings.Join(begun.GetNodes(), ", "))
		return err
	}
	for shown := -1; ; {
		now, err := client.operator().GetRegion(ctx, &weirpb.GetRegionRequest{})
		if err != nil {
			return client.explain(err)
		}
		p := compareVerified(before, now, begun.GetNodes())
		if p.left == 0 {
			return c.report(con, begun.GetNodes(), p.damaged)
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
	Damaged []string `json:"damaged"`
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

func (c *hubVerify) report(con *console, nodes, damaged []string) error {
	var err error
	switch {
	case c.JSON:
		err = con.printJSON(verifyView{nodes, append([]string{}, damaged...)})
	case len(damaged) == 0:
		_, err = fmt.Fprintf(con.out, "%s: all that is on disk is as it was written\n", strings.Join(nodes, ", "))
	}
	if err != nil || len(damaged) == 0 {
		return err
	}
	return fault.New(fault.Internal, "damage has been found: %s", strings.Join(damaged, ", ")).
		WithHint("it is rebuilt from the other nodes, if there are any; look after the disk. \"weir hub status\" tells how far it is")
}
