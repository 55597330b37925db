package hub

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

// join starts a node that joins through those that run.
func (c *cluster) join(name string) *Hub {
	c.t.Helper()
	cfg := c.config(name)
	cfg.Peers, cfg.Join = nil, c.names()
	h, err := Open(testContext(c.t), cfg)
	if err != nil {
		c.t.Fatal(err)
	}
	c.set(name, h)
	return h
}

// retire has a node leave, or another take its place.
func (c *cluster) retire(name, by string) {
	c.t.Helper()
	c.retried("retire "+name, func(h *Hub) error {
		_, err := h.RetireNode(testContext(c.t), &weirpb.RetireNodeRequest{Id: name, ReplacedBy: by})
		return err
	})
}

// awaitMembers waits until the voters of all groups, and the nodes of the region, are these.
func (c *cluster) awaitMembers(want ...string) {
	c.t.Helper()
	h := c.nodes[want[0]]
	var last *weirpb.Region
	defer func() {
		if c.t.Failed() {
			c.t.Logf("the region is %v", last)
		}
	}()
	c.eventually(fmt.Sprint("the members ", want), func() bool {
		var err error
		if last, err = h.GetRegion(testContext(c.t), nil); err != nil {
			return false
		}
		var nodes []string
		for _, n := range last.GetNodes() {
			nodes = append(nodes, n.GetId())
		}
		for _, g := range last.GetGroups() {
			var voters []string
			for _, m := range g.GetMembers() {
				if m.GetVoter() {
					voters = append(voters, m.GetNode())
				}
			}
			if !slices.Equal(voters, want) || len(g.GetMembers()) != len(want) {
				return false
			}
		}
		return slices.Equal(nodes, want)
	})
}

func TestNodeJoinsAndLeaves(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, 2)
	c.startAll()
	c.withTenant()
	for range 20 {
		c.publish(&weirpb.Publication{Channel: "chat:a"})
	}
	if err := c.join("hub-4").Ready(testContext(t)); err != nil {
		t.Fatal(err)
	}
	c.awaitMembers("hub-1", "hub-2", "hub-3", "hub-4")
	c.retire("hub-1", "")
	c.awaitMembers("hub-2", "hub-3", "hub-4")
	c.stop("hub-1")
	if r := c.publish(&weirpb.Publication{Channel: "chat:a"}); r.GetOffset() != 21 {
		t.Errorf("the next offset is %d", r.GetOffset())
	}
	c.stop("hub-2") // what is left are two, one of which has joined
	if r := c.publish(&weirpb.Publication{Channel: "chat:a"}); r.GetOffset() != 22 {
		t.Errorf("the next offset is %d", r.GetOffset())
	}
}

func TestDeadNodeIsReplaced(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, 1)
	c.startAll()
	c.withTenant()
	c.publish(&weirpb.Publication{Channel: "chat:a"})
	c.stop("hub-3")
	c.join("hub-4")
	c.eventually("hub-4 is known", func() bool {
		return c.nodes["hub-1"].control.State().Nodes["hub-4"] != nil
	})
	c.retire("hub-3", "hub-4")
	c.awaitMembers("hub-1", "hub-2", "hub-4")
	if r := c.publish(&weirpb.Publication{Channel: "chat:a"}); r.GetOffset() != 2 {
		t.Errorf("the next offset is %d", r.GetOffset())
	}
}

// TestLostDiskIsRefused starts a node again whose folder is gone.
func TestLostDiskIsRefused(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, 1)
	c.startAll()
	c.stop("hub-3")
	for _, join := range []bool{false, true} {
		cfg := c.config("hub-3")
		cfg.Dir = t.TempDir()
		if join {
			cfg.Peers, cfg.Join = nil, c.names()
		}
		h, err := Open(testContext(t), cfg)
		if err != nil {
			t.Fatal(err)
		}
		err = h.Wait(testContext(t))
		if fault.CodeOf(err) != fault.PermissionDenied || !strings.Contains(fault.From(err).Hint, "weir hub replace hub-3") {
			t.Errorf("with join %v it ends with %v", join, err)
		}
		if h.status.takes() {
			t.Error("it takes part")
		}
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLeadsAreSpread(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, 5)
	c.startAll()
	c.eventually("each node leads two of six groups", func() bool {
		for _, h := range c.nodes {
			led := 0
			for _, g := range h.groups {
				if g.lead.leads() {
					led++
				}
			}
			if led != 2 {
				return false
			}
		}
		return true
	})
}

// TestRoutesFollowTheNodes also has a node come back with other addresses.
func TestRoutesFollowTheNodes(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, 1)
	c.startAll()
	c.stop("hub-2")
	cfg := c.config("hub-2")
	cfg.Peers, cfg.Advertise.Link = nil, "elsewhere:1"
	h, err := Open(testContext(t), cfg)
	if err != nil {
		t.Fatal(err)
	}
	c.set("hub-2", h)
	for _, name := range c.names() {
		c.eventually(name+" knows where hub-2 is", func() bool {
			routes, _ := c.nodes[name].routes.get()
			for _, n := range routes.GetNodes() {
				if n.GetId() == "hub-2" {
					return n.GetLink() == "elsewhere:1" && n.GetVoter() && len(routes.GetRoutes()) == 2
				}
			}
			return false
		})
	}
}
