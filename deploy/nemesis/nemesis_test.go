package nemesis

import (
	"context"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"weir/deploy/internal/server"
)

// binaryVar names a binary to test instead of building one.
const binaryVar = "WEIR_BINARY"

// build returns the binary to test.
func build(ctx context.Context, t *testing.T) string {
	t.Helper()
	if given := os.Getenv(binaryVar); given != "" {
		return given
	}
	binary, err := server.Build(ctx, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

// historyTimeout bounds one history with its checks.
const historyTimeout = 4 * time.Minute

// stepsOf is how many blows a history has.
const stepsOf = 5

// defaultSeed has a node killed, one with a wrong clock, slow paths, a node cut off, and a byte changed.
const defaultSeed = 22

// A region is struck again and again while clients publish, subscribe and read; then what they were told is checked.
// WEIR_SEED draws another history, WEIR_BLOWS ("kill,part") draws from some blows alone, WEIR_NODES sets the number of nodes.
func TestRegion(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: a region of processes takes a while")
	}
	seed := uint64(defaultSeed)
	if given := os.Getenv("WEIR_SEED"); given != "" {
		var err error
		if seed, err = strconv.ParseUint(given, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	nodes := 3
	if seed%4 == 3 {
		nodes = 5
	}
	if given, err := strconv.Atoi(os.Getenv("WEIR_NODES")); err == nil {
		nodes = given
	}
	t.Logf("WEIR_SEED=%d, %d nodes", seed, nodes)
	ctx, cancel := context.WithTimeout(t.Context(), historyTimeout)
	defer cancel()
	v := newVictim(ctx, t, seed, nodes)
	v.torment(ctx, seed, plan(seed, nodes, stepsOf, v.able))
}

// TestStarvedRegion has all nodes get too little processor time, so that leaders are lost again and again. WEIR_SEED draws other
// moments.
func TestStarvedRegion(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: a region of processes takes a while")
	}
	seed := uint64(defaultSeed)
	if given, err := strconv.ParseUint(os.Getenv("WEIR_SEED"), 10, 64); err == nil {
		seed = given
	}
	t.Logf("WEIR_SEED=%d", seed)
	ctx, cancel := context.WithTimeout(t.Context(), historyTimeout)
	defer cancel()
	v := newVictim(ctx, t, seed, 3)
	v.torment(ctx, seed, []step{{blow: starve, lasts: 20 * time.Second, draw: seed}})
	moves := strings.Count(v.Logs(), "handing over the lead, so that the nodes")
	t.Logf("%d leads were handed over, and %d times a node began to lead", moves, strings.Count(v.Logs(), "this node leads\""))
	if moves > 15 {
		t.Errorf("%d leads were handed over, which costs publishers a pause each", moves)
	}
}

func (v *victim) torment(ctx context.Context, seed uint64, steps []step) {
	t := v.t
	c := gather(ctx, t, v, seed)
	for i, channel := range logChannels {
		c.watch(ctx, channel, i)
		c.watch(ctx, channel, i+1)
	}
	for _, s := range steps {
		t.Log(s)
		sleep(ctx, s.after)
		if err := v.strike(ctx, s); err != nil {
			t.Fatalf("%v: %v", s, err)
		}
		began := time.Now()
		v.must(v.Ready(ctx))
		t.Logf("all serve again after %v", time.Since(began).Round(time.Millisecond))
	}
	sleep(ctx, time.Second) // some that are never disturbed
	v.must(c.disband(ctx))
	c.check(ctx)
}

// able reports whether a blow can be done here.
func (v *victim) able(b blow) bool {
	if only := os.Getenv("WEIR_BLOWS"); only != "" && !slices.Contains(strings.Split(only, ","), b.String()) {
		return false
	}
	return b != fill || len(v.disks.mounted) > 0
}

// check reads what the channels have and compares.
func (c *crowd) check(ctx context.Context) {
	acked := 0
	for _, p := range c.history.publications {
		if p.end != 0 {
			acked++
		}
	}
	c.t.Logf("%d of %d publications acknowledged, %d linearizable reads", acked, len(c.history.publications), len(c.history.readings))
	for _, channel := range append(logChannels[:len(logChannels):len(logChannels)], stateChannel) {
		log, err := c.log(ctx, channel)
		c.region.must(err)
		var subscribers []sighting
		for _, s := range c.sightings {
			if s.channel == channel {
				subscribers = append(subscribers, *s)
			}
		}
		for _, complaint := range check(c.history, log, subscribers) {
			c.t.Error(complaint)
		}
	}
	if acked < 100 || len(c.history.readings) < 10 {
		c.t.Errorf("%d acknowledgements and %d reads are too few to show anything", acked, len(c.history.readings))
	}
}
