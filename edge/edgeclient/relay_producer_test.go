package edgeclient_test

import (
	"strings"
	"testing"

	"weir/edge/edgeclient"
)

// forget makes the hub refuse all producers that it has heard of.
func (h *hub) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for lane := range h.last {
		producer, _, _ := strings.Cut(lane, " ")
		h.Expire(producer)
	}
}

func TestForgottenProducerDoesNotCostTheSession(t *testing.T) {
	bothTransports(t, func(t *testing.T, transport string) {
		r := startRelay(t)
		c := r.dial(transport)
		began := c.Status()
		for round := range 3 {
			for i, channel := range []string{"log:a", "log:b", "log:a"} {
				receipt, err := c.Publish(within(t), edgeclient.Publication{Channel: channel})
				if err != nil {
					t.Fatal(err)
				}
				if want := uint64([]int{2*round + 1, round + 1, 2*round + 2}[i]); receipt.Duplicate || receipt.Cursor.Offset != want {
					t.Errorf("round %d, publication %d: %+v, want offset %d", round, i, receipt, want)
				}
			}
			r.hub.forget()
		}
		if now := c.Status(); now.Session != began.Session {
			t.Errorf("the session became %+v", now)
		}
	})
}
