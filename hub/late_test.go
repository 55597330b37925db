package hub

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"weir/proto/weirpb"
)

// TestLateNodeCatchesUpBySnapshot joins a node when the log no longer begins at its beginning.
func TestLateNodeCatchesUpBySnapshot(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3, 1)
	c.segmentBytes, c.trailing = 128<<10, 64
	c.startAll()
	c.withTenant()
	const entries = 200 // more than stay in the log behind a snapshot
	for range entries {
		c.publish(&weirpb.Publication{Channel: "chat:0", Payload: make([]byte, 4<<10)})
	}
	for _, h := range c.nodes {
		if err := chatGroup(h).replica.Snapshot(); err != nil {
			t.Fatal(err)
		}
	}
	c.publishWhile("chat:0", func() {
		if err := c.join("hub-4").Ready(testContext(t)); err != nil {
			t.Error(err)
		}
	})
	want := c.events(c.leaderOf("chat:0"), "chat:0")
	c.eventually("hub-4 has everything", func() bool { return len(c.events(c.nodes["hub-4"], "chat:0")) == len(want) })
	if len(want) <= entries {
		t.Error("nothing was published while the node joined")
	}
	if n := chatGroup(c.nodes["hub-4"]).received(t); n == 0 {
		t.Error("no snapshot was received")
	}
}

// publishWhile publishes to a channel until during has returned.
func (c *cluster) publishWhile(channel string, during func()) {
	stop := make(chan struct{})
	s := &sender{name: "s", channel: channel, producer: newProducer(), acknowledged: map[uint64]uint64{}}
	var sending sync.WaitGroup
	sending.Go(func() {
		if err := s.send(c, stop); err != nil {
			c.t.Error(err)
		}
	})
	during()
	close(stop)
	sending.Wait()
}

// received counts the snapshots in the group's folder. A node that has just joined has made none itself.
func (g *group) received(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(g.dir, "snapshots"))
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
