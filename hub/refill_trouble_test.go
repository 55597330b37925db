package hub

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"weir/hub/internal/quarantine"
	"weir/proto/weirpb"
)

// sicken has a node set its state of group 1 aside, with the snapshot that it keeps, so that it has to fetch another's.
func (c *cluster) sicken(name string) *group {
	c.t.Helper()
	g := c.nodes[name].groups[1]
	dir, _, err := g.replica.Kept()
	if err != nil {
		c.t.Fatal(err)
	}
	flip(c.t, filepath.Join(dir, "*.sst"))
	g.suspect(errRow)
	return g
}

// kept makes a region of three nodes that all have snapshots of group 1.
func kept(t *testing.T, n int) *cluster {
	c := newCluster(t, 3, 1)
	c.startAll()
	c.withTenant()
	for range n {
		c.publish(&weirpb.Publication{Channel: "chat:other", Payload: []byte("x")})
	}
	c.snapshotAll(1)
	return c
}

// TestAnotherNodeLendsWhereTheFirstOnesCopyIsCorrupt damages the state of the node that is asked first, which does not know of it.
func TestAnotherNodeLendsWhereTheFirstOnesCopyIsCorrupt(t *testing.T) {
	t.Parallel()
	c := kept(t, 20)
	first := c.nodes["hub-2"].others()[0]
	flip(t, filepath.Join(c.dir, first, "groups", "1", "state", "*.sst"))
	g := c.sicken("hub-2")
	c.eventually("it is set aside", func() bool { return setAside(t, g.hub) == 1 })
	c.eventually("it is rebuilt", func() bool { return g.ailing() == "" && g.ready() })
}

// TestInterruptedPlacingGoesOn has the process end while the snapshot that was corrupt, too, is being replaced.
func TestInterruptedPlacingGoesOn(t *testing.T) {
	t.Parallel()
	for name, half := range map[string]bool{"moved": false, "half of it is there": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := kept(t, 20)
			c.stop("hub-3")
			dir := filepath.Join(c.dir, "hub-3", "groups", "1")
			q := quarantine.Open(dir)
			err := q.Begin(quarantine.State, errors.New("a test"), 0, time.Now())
			if err == nil {
				_, err = q.SetAside(time.Now())
			}
			if err != nil {
				t.Fatal(err)
			}
			states, err := filepath.Glob(filepath.Join(dir, "snapshots", "*", "state"))
			if err != nil || len(states) != 1 {
				t.Fatal(states, err)
			}
			if err := q.Move(states[0], "snapshot"); err != nil {
				t.Fatal(err)
			}
			if half {
				if err := errors.Join(os.Mkdir(states[0], 0o700), os.WriteFile(filepath.Join(states[0], "000001.sst"), nil, 0o600)); err != nil {
					t.Fatal(err)
				}
			}
			c.start("hub-3")
			c.ready()
			c.rebuilt()
			if _, err := readRows(vfs.Default, states[0], testLogger()); err != nil {
				t.Errorf("the snapshot is not whole again: %v", err)
			}
		})
	}
}

// TestCorruptStateOfALateNodeIsRebuilt corrupts the state of a node that was away for so long that the others' logs no longer go on
// from where its own ends.
func TestCorruptStateOfALateNodeIsRebuilt(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, 1)
	c.segmentBytes, c.trailing = 128<<10, 64
	c.startAll()
	c.withTenant()
	more := func() {
		for range 150 {
			c.publish(&weirpb.Publication{Channel: "chat:0", Payload: make([]byte, 4<<10)})
		}
		c.snapshotAll(1)
	}
	more()
	c.stop("hub-3")
	more()
	dir := filepath.Join(c.dir, "hub-3", "groups", "1")
	flip(t, filepath.Join(dir, "snapshots", "*", "state", "*.sst"))
	flip(t, filepath.Join(dir, "state", "MANIFEST*"))
	c.start("hub-3")
	c.ready()
	c.rebuilt()
}

// TestFullDiskPutsRefillingOff has a node whose disk is full find its state corrupt: what it fetched would take what room others' logs
// have.
func TestFullDiskPutsRefillingOff(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, 1)
	full := &atomic.Bool{}
	for _, p := range c.peers {
		cfg := c.config(p.ID)
		if p.ID == "hub-2" {
			cfg, full = fullable(cfg)
		}
		h, err := Open(testContext(t), cfg)
		if err != nil {
			t.Fatal(err)
		}
		c.set(p.ID, h)
	}
	c.ready()
	c.withTenant()
	c.publish(&weirpb.Publication{Channel: "chat:other", Payload: []byte("x")})
	c.snapshotAll(1)
	full.Store(true)
	h := c.nodes["hub-2"]
	h.room.Look()
	g := c.sicken("hub-2")
	c.eventually("it votes without its state", func() bool { return g.ailing() == ailsState && g.replica.Idle() })
	_, err := g.findSource(testContext(t))
	if !errors.Is(err, errNoRoom) {
		t.Errorf("it looks for a state and finds %v", err)
	}
	if _, err := os.Stat(g.refillDir()); !os.IsNotExist(err) {
		t.Errorf("something is fetched: %v", err)
	}
	full.Store(false)
	c.rebuilt()
}

// TestTooManyCorruptCopiesStopTheNode has a node find corruption where three corrupt copies stand aside already.
func TestTooManyCorruptCopiesStopTheNode(t *testing.T) {
	t.Parallel()
	for what, why := range map[string]error{"state": errRow, "log": errLog} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			c := kept(t, 1)
			h := c.nodes["hub-2"]
			for i := range 3 {
				if err := os.Mkdir(filepath.Join(h.dir.Path, "groups", "1.corrupt-"+strconv.Itoa(i)), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			h.groups[1].replica.BreakDown(why)
			if err := h.Wait(testContext(t)); !errors.Is(err, quarantine.ErrTooMany) {
				t.Errorf("it ends with %v", err)
			}
		})
	}
}

// TestLookingAtAStateEndsWithItsContext gives up a reading that may take minutes.
func TestLookingAtAStateEndsWithItsContext(t *testing.T) {
	t.Parallel()
	c := kept(t, 1)
	g := c.nodes["hub-1"].groups[1]
	dir, _, err := g.replica.Kept()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.lookAt(testContext(t), dir); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(testContext(t))
	cancel()
	if _, err := g.lookAt(ctx, dir); !errors.Is(err, context.Canceled) {
		t.Errorf("it ends with %v", err)
	}
}
