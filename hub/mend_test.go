package hub

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"weir/hub/internal/quarantine"
	"weir/hub/internal/store"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

// flip changes a byte of what the files that match have: in the middle, or near the beginning of a manifest, of which Pebble
// takes the end for cut short.
func flip(t testing.TB, pattern string) {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatal(pattern, names, err)
	}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		at := len(strings.TrimRight(string(content), "\x00")) / 2
		if strings.Contains(pattern, "MANIFEST") {
			at = 10
		}
		content[at] ^= 1
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// setAside counts the folders of a node that have been.
func setAside(t *testing.T, h *Hub) int {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(h.dir.Path, "groups", "*.corrupt-*"))
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

// TestCorruptNodeIsRebuilt damages what a node has while it is down. It comes back with all that the others have.
func TestCorruptNodeIsRebuilt(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"groups/1/log/*.wal", "groups/0/log/*.wal", "groups/1/state/MANIFEST*", "groups/2/log/meta"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, 3, 2)
			c.startAll()
			c.withTenant()
			c.survive(6, func() {
				c.publish(&weirpb.Publication{Channel: "chat:other", Payload: []byte("x")})
				c.stop("hub-2")
				pattern := filepath.Join(c.dir, "hub-2", what)
				if strings.HasSuffix(what, "meta") { // both copies
					if err := os.WriteFile(pattern, make([]byte, 1<<19), 0o600); err != nil {
						t.Fatal(err)
					}
				} else {
					flip(t, pattern)
				}
				c.start("hub-2")
				c.ready()
			})
			h := c.nodes["hub-2"]
			if n := setAside(t, h); n != 1 {
				t.Errorf("%d folders have been set aside", n)
			}
			c.eventually("nothing is to be rebuilt any more", func() bool {
				left, err := filepath.Glob(filepath.Join(h.dir.Path, "groups", "*.rebuild"))
				return err == nil && len(left) == 0
			})
		})
	}
}

// TestLeaderThatFindsCorruptionIsRebuilt has the leader of a shard come upon a corrupt row while it serves.
func TestLeaderThatFindsCorruptionIsRebuilt(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, 2)
	c.startAll()
	c.withTenant()
	var struck *Hub
	c.survive(6, func() {
		c.eventually("a leader", func() bool { struck = c.leaderOf("chat:0"); return struck != nil })
		g := struck.shardOf("acme", "chat:0").group
		g.suspect(&store.CorruptError{Key: []byte("a row"), Reason: "it is a test"})
		c.eventually("the corrupt data are set aside", func() bool { return setAside(t, struck) == 1 })
		c.eventually("the node has a vote again", func() bool { return !g.replica.Parked() && g.ready() })
	})
}

// TestInterruptedRebuildGoesOn has the process end at each of the steps of a rebuilding.
func TestInterruptedRebuildGoesOn(t *testing.T) {
	t.Parallel()
	for _, at := range []struct {
		step  string
		steps func(q *quarantine.Quarantine) error
	}{
		{"noted", func(*quarantine.Quarantine) error { return nil }},
		{"set aside", func(q *quarantine.Quarantine) error {
			_, err := q.SetAside(time.Now())
			return err
		}},
	} {
		t.Run(at.step, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, 3, 1)
			c.startAll()
			c.withTenant()
			c.survive(3, func() {
				c.publish(&weirpb.Publication{Channel: "chat:other"})
				c.stop("hub-3")
				q := quarantine.Open(filepath.Join(c.dir, "hub-3", "groups", "1"))
				if err := errors.Join(q.Begin(quarantine.Whole, errors.New("a test"), 0, time.Now()), at.steps(q)); err != nil {
					t.Fatal(err)
				}
				c.start("hub-3")
				c.ready()
			})
			if n := setAside(t, c.nodes["hub-3"]); n != 1 {
				t.Errorf("%d folders have been set aside", n)
			}
		})
	}
}

// fullable has a node's disk be full when told.
func fullable(cfg Config) (Config, *atomic.Bool) {
	full := &atomic.Bool{}
	cfg.diskUsage = func(string) (uint64, uint64, error) {
		if full.Load() {
			return 0, 1 << 30, nil
		}
		return 1 << 29, 1 << 30, nil
	}
	return cfg, full
}

func TestFullDiskRefusesPublicationsAndServes(t *testing.T) {
	cfg, full := fullable(Config{})
	h := withTenant(t, cfg)
	mustPublish(t, h, &weirpb.Publication{Channel: "chat:a", Payload: []byte("before")})
	full.Store(true)
	h.room.Look()
	_, err := publish(t, h, &weirpb.Publication{Channel: "chat:a"})
	if f := fault.From(err); f.Code != fault.Busy || !strings.Contains(f.Message, "disk is full") || f.RetryAfter == 0 {
		t.Errorf("a publication is refused with %v", err)
	}
	if _, err := publish(t, h, &weirpb.Publication{Channel: "chat:a", Ack: weirpb.Ack_ACK_NONE}); err != nil {
		t.Errorf("an ephemeral publication: %v", err)
	}
	page, err := h.History(testContext(t), &weirpb.HistoryRequest{Tenant: "acme", Channel: "chat:a"})
	if err != nil || len(page.GetEvents()) != 1 {
		t.Errorf("what can be read is %v, %v", page, err)
	}
	full.Store(false)
	h.room.Look()
	if r := mustPublish(t, h, &weirpb.Publication{Channel: "chat:a"}); r.GetOffset() != 2 {
		t.Errorf("the next publication is at %d", r.GetOffset())
	}
}

// TestFullLeaderMakesWay fills the disk of the node that leads a shard: another one takes over.
func TestFullLeaderMakesWay(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, 1)
	full := map[string]*atomic.Bool{}
	for _, p := range c.peers {
		cfg, flag := fullable(c.config(p.ID))
		h, err := Open(testContext(t), cfg)
		if err != nil {
			t.Fatal(err)
		}
		c.set(p.ID, h)
		full[p.ID] = flag
	}
	c.ready()
	c.withTenant()
	var before *Hub
	c.eventually("a leader", func() bool { before = c.leaderOf("chat:a"); return before != nil })
	full[before.node.Name].Store(true)
	for i := range 20 {
		c.publish(&weirpb.Publication{Channel: "chat:a", Payload: fmt.Append(nil, i)})
	}
	c.eventually("another node leads", func() bool {
		now := c.leaderOf("chat:a")
		return now != nil && now != before
	})
	full[before.node.Name].Store(false)
	c.ready()
}
