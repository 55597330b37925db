package nemesis

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// A blow is one thing that is done to the region.
type blow int

const (
	kill       blow = iota // a node is killed with -9 and started again
	pause                  // a node is stopped (SIGSTOP) and goes on
	isolate                // a node hears and reaches no other
	deafen                 // one direction of all of a node's paths is cut
	part                   // the path between two nodes is cut
	slow                   // all paths take long and jitter, so packets overtake each other
	lose                   // all paths lose packets
	skew                   // a node is started again with a clock that is wrong
	fill                   // a node's disk is full for a while
	rot                    // a byte of a killed node's data changes
	replace                // a node is given up, a new one joins for it
	killAll                // all are killed at once
	blowsCount             // is how many there are to draw from
	starve                 // all nodes are stopped and go on, again and again, each at moments of its own: it has a test of its own
)

func (b blow) String() string {
	if b == starve {
		return "starve"
	}
	return [...]string{"kill", "pause", "isolate", "deafen", "part", "slow", "lose", "skew", "fill", "rot", "replace", "kill all"}[b]
}

// A step is a blow at a time.
type step struct {
	after time.Duration // of calm, after what the step before did is mended
	blow  blow
	node  int // whom it concerns
	other int // with whom, for part
	lasts time.Duration
	draw  uint64 // for choices of the blow's own
}

func (s step) String() string {
	return fmt.Sprintf("after %v: %v node %d (%d) for %v", s.after, s.blow, s.node, s.other, s.lasts)
}

// plan draws what happens to a region in one history. Whoever has no majority meanwhile serves nobody, so not every blow may
// last.
func plan(seed uint64, nodes, steps int, able func(blow) bool) []step {
	rng := rand.New(rand.NewPCG(seed, 2))
	var all []step
	for len(all) < steps {
		s := step{
			after: between(rng, 200*time.Millisecond, 1500*time.Millisecond),
			blow:  blow(rng.IntN(int(blowsCount))),
			node:  rng.IntN(nodes),
			lasts: between(rng, 300*time.Millisecond, 4*time.Second),
			draw:  rng.Uint64(),
		}
		s.other = (s.node + 1 + rng.IntN(nodes-1)) % nodes
		if able(s.blow) {
			all = append(all, s)
		}
	}
	return all
}

func between(rng *rand.Rand, low, high time.Duration) time.Duration {
	return (low + time.Duration(rng.Int64N(int64(high-low)))).Round(time.Millisecond)
}

func TestPlanIsDrawnFromItsSeed(t *testing.T) {
	everything := func(blow) bool { return true }
	seen := map[blow]bool{}
	for seed := range uint64(50) {
		first := fmt.Sprint(plan(seed, 3, 6, everything))
		if second := fmt.Sprint(plan(seed, 3, 6, everything)); first != second {
			t.Fatalf("seed %d gives\n%s\nand\n%s", seed, first, second)
		}
		for _, s := range plan(seed, 3, 6, everything) {
			seen[s.blow] = true
			if s.node == s.other || s.node >= 3 || s.other >= 3 {
				t.Errorf("seed %d: %v", seed, s)
			}
		}
	}
	if len(seen) != int(blowsCount) {
		t.Errorf("of %d blows only %v are drawn", blowsCount, seen)
	}
	if got := fmt.Sprint(plan(1, 3, 9, func(b blow) bool { return b == kill })); strings.Count(got, "kill node") != 9 {
		t.Errorf("of kills alone the plan is %s", got)
	}
}
