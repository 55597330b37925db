package hub

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"weir/proto/weirpb"
)

// verified waits until a node has read all of its groups.
func (c *cluster) verified(h *Hub, after time.Time) {
	c.t.Helper()
	c.eventually("everything has been verified", func() bool {
		for _, g := range h.groups {
			if g.verification.get().GetFinishedMs() < after.UnixMilli() {
				return false
			}
		}
		return true
	})
}

// TestVerificationFindsWhatNobodyReads damages events, entries and snapshots at rest, which nobody reads, on one node after the
// other.
func TestVerificationFindsWhatNobodyReads(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"state/*.sst", "log/*.wal", "snapshots/*/state/*.sst"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, 3, 1)
			c.startAll()
			c.withTenant()
			for range 50 {
				c.publish(&weirpb.Publication{Channel: "chat:a", Payload: []byte("damage me")})
			}
			c.snapshotAll(1)
			h := c.nodes["hub-2"]
			began := time.Now()
			if r, err := h.VerifyRegion(testContext(t), &weirpb.VerifyRegionRequest{}); err != nil || len(r.GetNodes()) != 3 {
				t.Fatal(r, err)
			}
			for _, h := range c.nodes {
				c.verified(h, began)
			}
			if n := setAside(t, h); n != 0 {
				t.Fatalf("%d sound groups have been set aside", n)
			}
			if pattern := filepath.Join(h.dir.Path, "groups", "1", what); strings.HasSuffix(what, ".wal") {
				damageEvent(t, pattern)
			} else {
				flip(t, pattern)
			}
			if _, err := h.VerifyRegion(testContext(t), &weirpb.VerifyRegionRequest{Node: "hub-2"}); err != nil {
				t.Fatal(err)
			}
			c.eventually("it is set aside", func() bool { return setAside(t, h) == 1 })
			c.rebuilt()
			began = time.Now()
			c.eventually("it is sound again", func() bool {
				_, err := h.VerifyRegion(testContext(t), &weirpb.VerifyRegionRequest{Node: "hub-2"})
				return err == nil && h.groups[1].verification.get().GetFinishedMs() >= began.UnixMilli()
			})
		})
	}
}

// damageEvent flips a bit of an event in a log: not all that is between entries has a checksum, or means anything.
func damageEvent(t *testing.T, pattern string) {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		at := bytes.Index(content, []byte("damage me"))
		if at < 0 {
			continue
		}
		content[at] ^= 1
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	t.Fatal("no segment has the event")
}

// TestVerificationIsRemembered also looks at what a lone node does whose snapshot has the same damaged file: it says that
// something is damaged, and serves on.
func TestVerificationIsRemembered(t *testing.T) {
	dir := t.TempDir()
	registry := prometheus.NewRegistry()
	h := withTenant(t, Config{Dir: dir, Registerer: registry, trailing: 1})
	for range 5 {
		mustPublish(t, h, &weirpb.Publication{Channel: "chat:a", Payload: []byte("x")})
	}
	g := chatGroup(h)
	if err := g.replica.Snapshot(); err != nil {
		t.Fatal(err)
	}
	g.readNow(testContext(t))
	at := g.verification.get().GetFinishedMs()
	if at == 0 || gather(t, registry)["weir_hub_verified_timestamp_seconds"] == 0 {
		t.Fatal("it has not come to its end")
	}
	flip(t, filepath.Join(g.stateDir(), "*.sst"))
	g.readNow(testContext(t))
	if v := g.verification.get(); v.GetDamagedMs() == 0 || v.GetFinishedMs() != at || v.GetTotalBytes() != 0 {
		t.Errorf("of damage it says %v", v)
	}
	if g.ailing() != "" || gather(t, registry)["weir_hub_store_corruption_total"] == 0 {
		t.Error("a lone node has given up what only it has, or does not say that it is damaged")
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	h, err := Open(testContext(t), Config{Dir: dir, Logger: testLogger()})
	if err != nil {
		return // the damage was where a start reads
	}
	g = chatGroup(h)
	g.loadVerified()
	if now := g.verification.get().GetFinishedMs(); now != at {
		t.Errorf("after a restart it was %d, not %d", now, at)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
}
