package cli

import (
	"context"
	"fmt"
	"strconv"

	"weir/proto/weirpb"
)

// hubRecover is "weir hub recover".
type hubRecover struct {
	Group uint32   `arg:"" help:"Number of the group."`
	Node  string   `required:"" help:"Name of the node that has the group's data." placeholder:"NAME"`
	Lost  []string `help:"Nodes whose folders are gone for good. They must never come back under these names." placeholder:"NAME,..."`
	Yes   bool     `help:"Do it. Without this it is only told what would be."`
	JSON  bool     `help:"Print JSON."`
	apiTarget
}

func (hubRecover) Help() string {
	return `For a group that has lost a majority of its logs: corrupt, or with folders that are gone. With fewer lost it heals
by itself. The node that is named becomes the group's only voter, and the group goes on with what that node has. Nodes
whose logs are corrupt are rebuilt from it and get their votes again; those of --lost are replaced ("weir hub replace").

What is lost: events that were acknowledged and are not in this node's log, which is told before, as far as it can be
known. Of a node whose power has failed it is known up to where its log had been noted last. Producers that had such an
event acknowledged are refused with "sequence_gap", and have to open a new one; offsets are given again, so subscribers
that had such an event may not be told of it.

It is refused where a node that has a vote does not answer and is not named as lost, where one answers that has more, and
where a majority of the logs is intact. Needs an operator's API key.

Examples:

    weir hub recover 2 --node hub-3
    weir hub recover 2 --node hub-3 --yes
    weir hub recover 2 --node hub-3 --lost hub-1,hub-2 --yes`
}

func (c *hubRecover) Run(ctx context.Context, con *console) error {
	client, err := c.resolve()
	if err != nil {
		return err
	}
	request := &weirpb.RecoverGroupRequest{Group: c.Group, Node: c.Node, Lost: c.Lost}
	plan, err := client.operator().RecoverGroup(ctx, request)
	if err == nil && c.Yes {
		request.Last = plan.GetKept().GetLast()
		plan, err = client.operator().RecoverGroup(ctx, request)
	}
	if err != nil {
		return client.explain(err)
	}
	if c.JSON {
		return con.printJSON(viewRecovery(c.Group, plan))
	}
	return printRecovery(con, c, plan)
}

type recoveryView struct {
	Group   uint32       `json:"group"`
	Kept    memberView   `json:"kept"`
	Others  []memberView `json:"others"`
	MayLose bool         `json:"may_lose"`
	Done    bool         `json:"done"`
}

func viewRecovery(group uint32, r *weirpb.RecoverGroupResponse) recoveryView {
	view := recoveryView{Group: group, Kept: viewMember(r.GetKept()), Others: []memberView{}, MayLose: r.GetMayLose(), Done: r.GetDone()}
	for _, m := range r.GetOthers() {
		view.Others = append(view.Others, viewMember(m))
	}
	return view
}

func printRecovery(con *console, c *hubRecover, r *weirpb.RecoverGroupResponse) error {
	rows := [][]string{{r.GetKept().GetNode(), "keeps the group", strconv.FormatUint(r.GetKept().GetLast(), 10)}}
	for _, m := range r.GetOthers() {
		log, last := "intact", strconv.FormatUint(m.GetLast(), 10)
		switch {
		case m.GetAils() == "log":
			log = "corrupt"
		case m.GetLast() == 0:
			log = "lost"
		}
		if m.GetLast() == 0 {
			last = "unknown"
		}
		rows = append(rows, []string{m.GetNode(), log, last})
	}
	if err := con.printTable("", []string{"NODE", "LOG", "LAST ENTRY"}, rows); err != nil {
		return err
	}
	loss := "nothing that was acknowledged is lost, as far as is known"
	if r.GetMayLose() {
		loss = fmt.Sprintf("what was acknowledged after entry %d may be lost", r.GetKept().GetLast())
	}
	text := "\n" + loss + "; --yes does it\n"
	if r.GetDone() {
		text = fmt.Sprintf("\n%s is the only voter of group %d now; %s\n", c.Node, c.Group, loss)
	}
	_, err := fmt.Fprint(con.out, text)
	return err
}
