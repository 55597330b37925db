package hub

import (
	"crypto/rand"
	"log/slog"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"google.golang.org/protobuf/proto"

	"weir/hub/internal/logtest"
	"weir/proto/weirpb"
)

// TestTransferIsResumed has a node join by a snapshot over real connections, which are cut twice in the middle of it. Each attempt
// begins with the files that have come whole.
func TestTransferIsResumed(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1, 1)
	c.segmentBytes, c.trailing = 256<<10, 4
	w := wired(c)
	log := &logtest.Buffer{}
	cfg := c.config("hub-1")
	cfg.Logger = slog.New(slog.NewTextHandler(log, nil))
	h, err := Open(testContext(t), cfg)
	if err != nil {
		t.Fatal(err)
	}
	c.set("hub-1", h)
	c.ready()
	c.withTenant()
	c.fillTables(chatGroup(h), 14)

	w.cutAfter("hub-2", 6<<20)
	late := c.config("hub-2")
	late.Peers, late.Join = nil, []string{w.relay("hub-1")}
	joining, err := Open(testContext(t), late)
	if err != nil {
		t.Fatal(err)
	}
	c.set("hub-2", joining)
	for attempt := range 2 {
		c.eventually("the connection is cut in the middle", func() bool { return w.isCut("hub-2") })
		c.eventually("the region says how far it is", func() bool { return c.receiving(h, "hub-2").GetDoneBytes() > 0 })
		if r := c.receiving(h, "hub-2"); r != nil && (r.GetDoneBytes() >= r.GetTotalBytes() || r.GetFrom() != "hub-1") {
			t.Errorf("attempt %d is at %v", attempt, r)
		}
		if m := chatGroup(h).replica.Members(); slices.Contains(m.Voters, "hub-2") {
			t.Error("it has a vote before it has anything")
		}
		c.eventually("the sender gives up", func() bool { return len(chatGroup(h).replica.Feeds()) == 0 })
		if attempt == 0 {
			w.cutAfter("hub-2", 5<<20)
		}
	}
	before := w.arrived("hub-2")
	w.heal("hub-2")
	if err := joining.Ready(testContext(t)); err != nil {
		t.Fatal(err)
	}
	c.checkAttempts(log.String(), w.arrived("hub-2")-before)
	if want := c.events(h, "chat:0"); !slices.EqualFunc(want, c.events(joining, "chat:0"), func(a, b *weirpb.Event) bool { return proto.Equal(a, b) }) {
		t.Error("it has other events")
	}
}

// fillTables publishes what makes several tables of that many MiB in all, and cuts the log.
func (c *cluster) fillTables(g *group, mib int) {
	c.t.Helper()
	for range mib {
		for range 20 {
			payload := make([]byte, 50<<10)
			if _, err := rand.Read(payload); err != nil {
				c.t.Fatal(err)
			}
			c.publish(&weirpb.Publication{Channel: "chat:0", Payload: payload})
		}
		if err := g.replica.Snapshot(); err != nil {
			c.t.Fatal(err)
		}
	}
}

// receiving returns what a node is being sent of the shard, as operators are told.
func (c *cluster) receiving(h *Hub, node string) *weirpb.Transfer {
	c.t.Helper()
	r, err := h.GetRegion(testContext(c.t), nil)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, m := range r.GetGroups()[1].GetMembers() {
		if m.GetNode() == node {
			return m.GetReceiving()
		}
	}
	return nil
}

// checkAttempts looks at what the sender has logged of the shard's snapshot. arrived are the bytes since the last attempt began.
func (c *cluster) checkAttempts(log string, arrived int) {
	c.t.Helper()
	var kept []int
	total := 0
	for _, m := range regexp.MustCompile(`msg="sending a snapshot" group=1 .*bytes=(\d+) "kept from before"=(\d+)`).FindAllStringSubmatch(log, -1) {
		was, _ := strconv.Atoi(m[2])
		total, _ = strconv.Atoi(m[1])
		kept = append(kept, was)
	}
	if len(kept) < 3 || kept[0] != 0 || kept[1] == 0 || kept[len(kept)-1] <= kept[1] {
		c.t.Fatalf("the attempts began with %v of %d bytes:\n%s", kept, total, log)
	}
	if rest := total - kept[len(kept)-1]; arrived < rest/2 || arrived > rest+3<<20 {
		c.t.Errorf("of %d bytes that were left %d have come", rest, arrived)
	}
}
