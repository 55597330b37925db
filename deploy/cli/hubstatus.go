package cli

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"weir/proto/weirpb"
	"weir/proto/weirpb/weirpbconnect"
)

// hubStatus is "weir hub status".
type hubStatus struct {
	JSON bool `help:"Print JSON."`
	apiTarget
}

func (hubStatus) Help() string {
	return `Any node answers for all that it can reach. Group 0 is the control group, the others are the shards. A member that
is "learning" has no vote yet; "behind" counts the committed entries that it has yet to apply.

Needs an operator's API key.

Examples:

    weir hub status
    weir hub status --json`
}

func (c *hubStatus) Run(ctx context.Context, con *console) error {
	client, err := c.resolve()
	if err != nil {
		return err
	}
	region, err := client.operator().GetRegion(ctx, &weirpb.GetRegionRequest{})
	if err != nil {
		return client.explain(err)
	}
	if c.JSON {
		return con.printJSON(viewRegion(region))
	}
	return printRegion(con, region)
}

// operator returns the client of what operators do with nodes.
func (c *apiClient) operator() weirpbconnect.OperatorServiceClient {
	return weirpbconnect.NewOperatorServiceClient(c.http, c.url)
}

// Views are what is printed in JSON.
type (
	regionView struct {
		ID         string      `json:"id"`
		Shards     uint32      `json:"shards"`
		AnsweredBy string      `json:"answered_by"`
		Nodes      []nodeView  `json:"nodes"`
		Groups     []groupView `json:"groups"`
	}
	nodeView struct {
		ID         string `json:"id"`
		State      string `json:"state"`
		ReplacedBy string `json:"replaced_by,omitempty"`
		Reachable  bool   `json:"reachable"`
		Mesh       string `json:"mesh"`
		Link       string `json:"link"`
		API        string `json:"api"`
		Joined     string `json:"joined"`
	}
	groupView struct {
		Group     uint32       `json:"group"`
		Leader    string       `json:"leader"`
		Term      uint64       `json:"term"`
		Committed uint64       `json:"committed"`
		Members   []memberView `json:"members"`
	}
	memberView struct {
		Node    string `json:"node"`
		Voter   bool   `json:"voter"`
		Applied uint64 `json:"applied"`
		Behind  uint64 `json:"behind"`
		HeardMs uint64 `json:"heard_ms"`
	}
)

func viewNode(n *weirpb.RegionNode) nodeView {
	state := "member"
	if n.GetLeaving() {
		state = "leaving"
	}
	return nodeView{
		ID: n.GetId(), State: state, ReplacedBy: n.GetReplacedBy(), Reachable: n.GetReachable(),
		Mesh: n.GetMesh(), Link: n.GetLink(), API: n.GetApi(), Joined: timestamp(n.GetJoinedMs()),
	}
}

func viewRegion(r *weirpb.Region) regionView {
	view := regionView{ID: r.GetId(), Shards: r.GetShards(), AnsweredBy: r.GetAnsweredBy(), Nodes: []nodeView{}, Groups: []groupView{}}
	for _, n := range r.GetNodes() {
		view.Nodes = append(view.Nodes, viewNode(n))
	}
	for _, g := range r.GetGroups() {
		group := groupView{Group: g.GetGroup(), Leader: g.GetLeader(), Term: g.GetTerm(), Committed: g.GetCommitted()}
		for _, m := range g.GetMembers() {
			group.Members = append(group.Members, memberView{m.GetNode(), m.GetVoter(), m.GetApplied(), m.GetLag(), m.GetHeardMs()})
		}
		view.Groups = append(view.Groups, group)
	}
	return view
}

func printRegion(con *console, r *weirpb.Region) error {
	if _, err := fmt.Fprintf(con.out, "region %s, %d shards; asked %s\n\n", r.GetId(), r.GetShards(), r.GetAnsweredBy()); err != nil {
		return err
	}
	var nodes, groups [][]string
	for _, n := range r.GetNodes() {
		nodes = append(nodes, []string{n.GetId(), stateOf(n), n.GetMesh(), n.GetLink(), n.GetApi()})
	}
	if err := con.printTable("no nodes yet", []string{"NODE", "STATE", "MESH", "LINK", "API"}, nodes); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(con.out); err != nil {
		return err
	}
	reachable := map[string]bool{}
	for _, n := range r.GetNodes() {
		reachable[n.GetId()] = n.GetReachable()
	}
	for _, g := range r.GetGroups() {
		var members []string
		for _, m := range g.GetMembers() {
			members = append(members, memberText(g, m, reachable[m.GetNode()]))
		}
		groups = append(groups, []string{
			strconv.Itoa(int(g.GetGroup())), firstNonEmpty(g.GetLeader(), "none"), strconv.FormatUint(g.GetTerm(), 10),
			strconv.FormatUint(g.GetCommitted(), 10), strings.Join(members, ", "),
		})
	}
	return con.printTable("no groups", []string{"GROUP", "LEADER", "TERM", "COMMITTED", "MEMBERS"}, groups)
}

func stateOf(n *weirpb.RegionNode) string {
	state := viewNode(n).State
	if n.GetReplacedBy() != "" {
		state += " for " + n.GetReplacedBy()
	}
	if !n.GetReachable() {
		state += ", not reached"
	}
	return state
}

// heardLate is from when on it is worth saying how long ago a member heard from its leader: several heartbeats.
const heardLate = 300 * time.Millisecond

func memberText(g *weirpb.RegionGroup, m *weirpb.RegionMember, reachable bool) string {
	var notes []string
	if !m.GetVoter() {
		notes = append(notes, "learning")
	}
	heard := time.Duration(m.GetHeardMs()) * time.Millisecond
	switch {
	case !reachable:
		notes = append(notes, "not reached")
	case m.GetLag() > 0:
		notes = append(notes, fmt.Sprintf("%d behind", m.GetLag()))
	case heard > heardLate && m.GetNode() != g.GetLeader():
		notes = append(notes, fmt.Sprintf("heard %s ago", heard.Round(100*time.Millisecond)))
	}
	if len(notes) == 0 {
		return m.GetNode()
	}
	return m.GetNode() + " (" + strings.Join(notes, ", ") + ")"
}
