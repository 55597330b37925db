package link_test

import (
	"sync/atomic"
	"testing"

	"github.com/quic-go/quic-go"

	"weir/hub/internal/linktest"
	"weir/hub/internal/linkwire"
	"weir/hub/link"
	"weir/proto/fault"
)

// TestRemovedHubIsRefused has a hub's certificate be good and its node not be of the region any more: before it connects, and while
// it is connected. Edges are no nodes, whatever they are called.
func TestRemovedHubIsRefused(t *testing.T) {
	var removed atomic.Bool
	addr, asHub, asEdge := serveCalls(t, &linktest.Hub{}, func(c *link.Config) {
		c.Admit = func(node string) error {
			if removed.Load() {
				return fault.New(fault.PermissionDenied, "node %q was removed from the region", node)
			}
			return nil
		}
	})
	before, err := quic.DialAddr(t.Context(), addr.String(), asHub, linkwire.EdgeConfig())
	if err != nil {
		t.Fatal(err)
	}
	edge, err := quic.DialAddr(t.Context(), addr.String(), asEdge, linkwire.EdgeConfig())
	if err != nil {
		t.Fatal(err)
	}
	removed.Store(true)
	if code := closedWith(t, before); code != linkwire.CodeRemoved {
		t.Errorf("a connection of before is closed with %d", code)
	}
	after, err := quic.DialAddr(t.Context(), addr.String(), asHub, linkwire.EdgeConfig())
	if err == nil {
		if code := closedWith(t, after); code != linkwire.CodeRemoved {
			t.Errorf("a new connection is closed with %d", code)
		}
	}
	if err := edge.Context().Err(); err != nil {
		t.Error("an edge is cut off: ", err)
	}
	_ = edge.CloseWithError(linkwire.CodeDone, "")
}
