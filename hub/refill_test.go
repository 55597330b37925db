package hub

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"weir/hub/internal/raftlog"
	"weir/hub/internal/store"
	"weir/proto/weirpb"
)

var (
	errRow = &store.CorruptError{Key: []byte("a row"), Reason: "it is a test"}
	errLog = errors.Join(errors.New("it is a test"), raftlog.ErrCorrupt)
)

// snapshotAll has all nodes make snapshots of a group.
func (c *cluster) snapshotAll(group int) {
	c.t.Helper()
	for name, h := range c.nodes {
		if err := h.groups[group].replica.Snapshot(); err != nil {
			c.t.Fatal(name, err)
		}
	}
}

// rebuilt waits until nothing ails anybody, and nothing is to be rebuilt.
func (c *cluster) rebuilt() {
	c.t.Helper()
	c.eventually("everything is rebuilt", func() bool {
		for _, h := range c.nodes {
			for _, g := range h.groups {
				if g.ailing() != "" || g.replica.Parked() || !g.ready() {
					return false
				}
			}
			left, err := filepath.Glob(filepath.Join(h.dir.Path, "groups", "*.rebuild"))
			if err != nil || len(left) > 0 {
				return false
			}
		}
		return true
	})
}

// TestControlGroupIsRebuiltBesideServing has a node find its control state, or the log of it, corrupt while it serves.
func TestControlGroupIsRebuiltBesideServing(t *testing.T) {
	t.Parallel()
	for what, why := range map[string]error{"state": errRow, "log": errLog} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, 3, 1)
			c.startAll()
			c.withTenant()
			h := c.nodes["hub-2"]
			c.eventually("the tenant is known", func() bool { return h.control.State().Tenants["acme"] != nil })
			g := h.groups[0]
			g.replica.BreakDown(why)
			c.eventually("what is corrupt is set aside", func() bool {
				if h.control.State().Tenants["acme"] == nil {
					t.Fatal("the tenant is forgotten meanwhile")
				}
				return setAside(t, h) == 1
			})
			c.eventually("it is rebuilt", func() bool {
				if h.control.State().Tenants["acme"] == nil {
					t.Fatal("the tenant is forgotten meanwhile")
				}
				return g.ailing() == "" && g.ready() && g.machine.Applied() > 0
			})
			if err := h.status.check(); err != nil {
				t.Error("the node has stopped serving: ", err)
			}
			c.retried("create another tenant", func(h *Hub) error {
				_, err := h.CreateTenant(testContext(t), &weirpb.CreateTenantRequest{Name: "later"})
				return err
			})
			c.eventually("it hears of what is new", func() bool { return h.control.State().Tenants["later"] != nil })
			c.rebuilt()
		})
	}
}

// TestTwoCorruptStatesOfThreeAreRebuilt corrupts the states of two nodes of three at once, in one case with the snapshots that
// they keep, so that they have to fetch the state of the third.
func TestTwoCorruptStatesOfThreeAreRebuilt(t *testing.T) {
	t.Parallel()
	for _, snapshots := range []bool{false, true} {
		t.Run(map[bool]string{false: "snapshots intact", true: "snapshots corrupt"}[snapshots], func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, 3, 1)
			c.startAll()
			c.withTenant()
			c.survive(6, func() {
				for range 20 {
					c.publish(&weirpb.Publication{Channel: "chat:other", Payload: []byte("x")})
				}
				c.snapshotAll(1)
				sick := []string{"hub-1", "hub-3"}
				for _, name := range sick {
					g := c.nodes[name].groups[1]
					if snapshots {
						dir, _, err := g.replica.Kept()
						if err != nil {
							t.Fatal(err)
						}
						flip(t, filepath.Join(dir, "*.sst"))
					}
					g.suspect(errRow)
				}
				for _, name := range sick {
					c.eventually("it is set aside", func() bool { return setAside(t, c.nodes[name]) == 1 })
				}
				c.publish(&weirpb.Publication{Channel: "chat:other", Payload: []byte("meanwhile")})
				c.rebuilt()
			})
			moved, err := filepath.Glob(filepath.Join(c.dir, "*", "groups", "1.corrupt-*", "snapshot"))
			if want := map[bool]int{false: 0, true: 2}[snapshots]; err != nil || len(moved) != want {
				t.Errorf("%d snapshots have been set aside, want %d: %v", len(moved), want, err)
			}
			for name, h := range c.nodes {
				if _, err := os.Stat(h.groups[1].refillDir()); !os.IsNotExist(err) {
					t.Errorf("%s: what was fetched is still there: %v", name, err)
				}
			}
			c.close()
			c.startAll() // with what is on disk now
		})
	}
}

// TestStateAndLogOfTwoAreRebuilt corrupts the state of one node and the log of another: the first goes on voting, so that there
// is a majority to take the second one's vote.
func TestStateAndLogOfTwoAreRebuilt(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, 1)
	c.startAll()
	c.withTenant()
	c.survive(6, func() {
		c.publish(&weirpb.Publication{Channel: "chat:other"})
		c.nodes["hub-1"].groups[1].suspect(errRow)
		c.nodes["hub-2"].groups[1].replica.BreakDown(errLog)
		for _, name := range []string{"hub-1", "hub-2"} {
			c.eventually("it is set aside", func() bool { return setAside(t, c.nodes[name]) == 1 })
		}
		c.rebuilt()
	})
}

// TestInterruptedRefillGoesOn has the process end after the state has been set aside, and the log have more by then.
func TestInterruptedRefillGoesOn(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, 1)
	c.startAll()
	c.withTenant()
	c.survive(3, func() {
		c.publish(&weirpb.Publication{Channel: "chat:other"})
		c.snapshotAll(1)
		c.stop("hub-3")
		groups := filepath.Join(c.dir, "hub-3", "groups")
		flip(t, filepath.Join(groups, "1", "snapshots", "*", "state", "*.sst"))
		flip(t, filepath.Join(groups, "1", "state", "MANIFEST*"))
		c.start("hub-3")
		c.eventually("it is set aside", func() bool { return setAside(t, c.nodes["hub-3"]) == 1 })
		c.stop("hub-3")
		c.start("hub-3")
		c.ready()
		c.rebuilt()
	})
}
