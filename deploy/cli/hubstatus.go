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
is "learning" has no vote yet; "behind" counts the committed entries that it has yet to apply. "State corrupt" and "log
corrupt" are rebuilt by themselves while a majority of the logs is intact; else see "weir hub recover". "Receiving" is
how much of a group's data has come, at which rate, and how long the rest takes. VERIFIED is the day since which all
members have been read through; see "weir hub verify".

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
		// Ails is "log", "state", "full" or "disk"; empty for a member that is well.
		Ails      string        `json:"ails,omitempty"`
		Last      uint64        `json:"last"`
		Receiving *transferView `json:"receiving,omitempty"`
		Verified  verifiedView  `json:"verified"`
	}
	transferView struct {
		From           string  `json:"from"`
		DoneBytes      uint64  `json:"done_bytes"`
		TotalBytes     uint64  `json:"total_bytes"`
		BytesPerSecond uint64  `json:"bytes_per_second"`
		LeftSeconds    float64 `json:"left_seconds,omitempty"`
	}
	verifiedView struct {
		Finished   string `json:"finished,omitempty"`
		Damaged    string `json:"damaged,omitempty"`
		DoneBytes  uint64 `json:"done_bytes,omitempty"`
		TotalBytes uint64 `json:"total_bytes,omitempty"`
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
			group.Members = append(group.Members, viewMember(m))
		}
		view.Groups = append(view.Groups, group)
	}
	return view
}

func viewMember(m *weirpb.RegionMember) memberView {
	view := memberView{
		Node: m.GetNode(), Voter: m.GetVoter(), Applied: m.GetApplied(), Behind: m.GetLag(), HeardMs: m.GetHeardMs(),
		Ails: m.GetAils(), Last: m.GetLast(),
	}
	if t := m.GetReceiving(); t != nil {
		view.Receiving = &transferView{
			From: t.GetFrom(), DoneBytes: t.GetDoneBytes(), TotalBytes: t.GetTotalBytes(), BytesPerSecond: t.GetBytesPerSecond(),
			LeftSeconds: leftOf(t).Seconds(),
		}
	}
	v := m.GetVerification()
	view.Verified = verifiedView{DoneBytes: v.GetDoneBytes(), TotalBytes: v.GetTotalBytes()}
	if v.GetFinishedMs() != 0 {
		view.Verified.Finished = timestamp(v.GetFinishedMs())
	}
	if v.GetDamagedMs() != 0 {
		view.Verified.Damaged = timestamp(v.GetDamagedMs())
	}
	return view
}

// leftOf returns how long the rest of a transfer takes at its rate, 0 if that can't be told.
func leftOf(t *weirpb.Transfer) time.Duration {
	if t.GetBytesPerSecond() == 0 || t.GetDoneBytes() > t.GetTotalBytes() {
		return 0
	}
	return time.Duration(float64(t.GetTotalBytes()-t.GetDoneBytes()) / float64(t.GetBytesPerSecond()) * float64(time.Second))
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
			strconv.FormatUint(g.GetCommitted(), 10), verifiedText(g), strings.Join(members, ", "),
		})
	}
	return con.printTable("no groups", []string{"GROUP", "LEADER", "TERM", "COMMITTED", "VERIFIED", "MEMBERS"}, groups)
}

// verifiedText says since when all members of a group have been read through.
func verifiedText(g *weirpb.RegionGroup) string {
	oldest := int64(0)
	for i, m := range g.GetMembers() {
		if at := m.GetVerification().GetFinishedMs(); i == 0 || at < oldest {
			oldest = at
		}
	}
	if oldest == 0 {
		return "never"
	}
	return time.UnixMilli(oldest).UTC().Format(time.DateOnly)
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
	switch m.GetAils() {
	case "":
	case "log", "state":
		notes = append(notes, m.GetAils()+" corrupt, being rebuilt")
	case "full":
		notes = append(notes, "disk full")
	default:
		notes = append(notes, m.GetAils()+" failed")
	}
	if t := m.GetReceiving(); t != nil {
		notes = append(notes, transferText(t))
	}
	if v := m.GetVerification(); v.GetTotalBytes() > 0 {
		notes = append(notes, fmt.Sprintf("verifying %d%%", 100*v.GetDoneBytes()/v.GetTotalBytes()))
	}
	heard := time.Duration(m.GetHeardMs()) * time.Millisecond
	switch {
	case !reachable:
		notes = append(notes, "not reached")
	case m.GetAils() != "":
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

// transferText says how far a transfer is.
func transferText(t *weirpb.Transfer) string {
	text := fmt.Sprintf("receiving from %s: %s of %s, %s/s", t.GetFrom(), sizeText(t.GetDoneBytes()), sizeText(t.GetTotalBytes()),
		sizeText(t.GetBytesPerSecond()))
	if left := leftOf(t); left > 0 {
		text += fmt.Sprintf(", %s left", left.Round(time.Second))
	}
	return text
}

// sizeText writes bytes with the unit that suits them.
func sizeText(bytes uint64) string {
	switch {
	case bytes >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
	case bytes >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20))
	}
	return fmt.Sprintf("%d KiB", bytes>>10)
}
