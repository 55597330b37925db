package mesh

import (
	"math/rand/v2"
	"testing"
	"time"
)

// What three nodes with five groups say to each other while nothing happens is mostly Raft's: a leader's heartbeats and, at
// Raft's defaults, 20 empty appends a second to each follower.
func TestIdleRegion(t *testing.T) {
	inRegion(t, 3, func(t *testing.T, r *region) {
		var groups [][]*member
		for g := range uint32(5) {
			groups = append(groups, r.form(g, nil))
		}
		for _, members := range groups {
			within(t, 20*time.Second, "a leader", func() bool { return leaderOf(members) != nil })
		}
		rate := r.packetRate(t)
		for _, members := range groups {
			for _, m := range members {
				m.shutdown(t)
			}
		}
		alone := r.packetRate(t)
		t.Logf("idle: %.0f packets a second with Raft, %.0f without", rate, alone)
		if rate > 2000 || alone > 60 {
			t.Errorf("idle: %.0f packets a second with Raft, %.0f without", rate, alone)
		}
	})
}

// packetRate returns how many packets a second all nodes send, acknowledgements included.
func (r *region) packetRate(t *testing.T) float64 {
	const span = 4 * time.Second
	r.sent()
	began := time.Now()
	within(t, span+time.Second, "a span of time", func() bool { return time.Since(began) >= span })
	packets, _ := r.sent()
	return float64(packets) / span.Seconds()
}

func TestRaftOverABadNetwork(t *testing.T) {
	inRegion(t, 3, func(t *testing.T, r *region) {
		members := r.form(1, nil)
		r.lose(0.05)
		within(t, 30*time.Second, "a leader", func() bool { return leaderOf(members) != nil })
		leaderOf(members).publish(t, rand.New(rand.NewPCG(1, 2)), 1<<20)
		took := within(t, 30*time.Second, "1 MiB everywhere", func() bool { return agree(members, 1<<20) })
		t.Logf("5 %% of all packets are lost: 1 MiB has arrived %v after it was committed", took)
		for _, m := range members {
			m.shutdown(t)
		}
	})
}
