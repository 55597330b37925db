package hub

import (
	"fmt"
	"testing"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

func TestThreeNodesAreARegion(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, 2)
	c.startAll()
	c.withTenant()
	for i := range 10 {
		r := c.publish(&weirpb.Publication{Channel: "chat:a", Payload: fmt.Appendf(nil, "%d", i)})
		if r.GetOffset() != uint64(i+1) {
			t.Fatalf("publication %d has offset %d", i, r.GetOffset())
		}
	}
	leader := c.leaderOf("chat:a")
	for name, h := range c.nodes {
		_, err := publish(t, h, &weirpb.Publication{Channel: "chat:a"})
		if want := (h == leader); (err == nil) != want || (err != nil && fault.CodeOf(err) != fault.NotLeader) {
			t.Errorf("%s answers %v", name, err)
		}
	}
	ids := map[string]bool{}
	for _, h := range c.nodes {
		ids[h.region.ID] = true
	}
	if len(ids) != 1 {
		t.Errorf("the regions are %v", ids)
	}
}

func TestRegionRestarts(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, 2)
	c.startAll()
	c.withTenant()
	first := c.publish(&weirpb.Publication{Channel: "chat:a"})
	c.close()
	c.startAll()
	if r := c.publish(&weirpb.Publication{Channel: "chat:a"}); r.GetOffset() != 2 || r.GetEpoch() != first.GetEpoch() {
		t.Errorf("before there was %v, now %v", first, r)
	}
}

func TestLeaderFailsOver(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, 2)
	c.startAll()
	c.withTenant()
	c.publish(&weirpb.Publication{Channel: "chat:a"})
	c.publish(&weirpb.Publication{Channel: "chat:a"})
	lost := c.leaderOf("chat:a").node.Name
	c.net.Part([]string{lost}, others(c, lost))
	back := c.nodes[lost]
	c.set(lost, nil)
	if r := c.publish(&weirpb.Publication{Channel: "chat:a"}); r.GetOffset() != 3 {
		t.Errorf("the next has offset %d", r.GetOffset())
	}
	c.set(lost, back)
	c.net.Heal()
	c.ready()
	if r := c.publish(&weirpb.Publication{Channel: "chat:a"}); r.GetOffset() != 4 {
		t.Errorf("the next has offset %d", r.GetOffset())
	}
}

func others(c *cluster, name string) []string {
	var all []string
	for _, n := range c.names() {
		if n != name {
			all = append(all, n)
		}
	}
	return all
}
