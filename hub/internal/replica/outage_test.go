package replica_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// A load proposes numbered entries to whoever leads, several at once, and remembers what was acknowledged by a node that had
// power then.
type load struct {
	mu    sync.Mutex
	acked []string // guarded by mu
	next  int      // guarded by mu
}

func (l *load) run(leader func() *third, until <-chan struct{}) {
	for {
		select {
		case <-until:
			return
		case <-time.After(20 * time.Millisecond):
		}
		n := leader()
		if n == nil {
			continue
		}
		l.mu.Lock()
		l.next++
		entry := fmt.Sprint("e", l.next)
		l.mu.Unlock()
		if n.Propose([]byte(entry)).Error() == nil {
			n.fs.alive(func() {
				l.mu.Lock()
				defer l.mu.Unlock()
				l.acked = append(l.acked, entry)
			})
		}
	}
}

// TestPowerFailsHereAndThere has nodes lose power one after the other, while entries are proposed and each disk takes its
// time: what was acknowledged is everywhere in the end, once, and all nodes have the same.
func TestPowerFailsHereAndThere(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex // of rng and nodes
		rng := rand.New(rand.NewPCG(seed, 1))
		upTo := func(most time.Duration) time.Duration {
			mu.Lock()
			defer mu.Unlock()
			return time.Duration(rng.Int64N(int64(most)))
		}
		g := newTrio(t, rand.New(rand.NewPCG(seed, 2)), func() time.Duration { return upTo(20 * time.Millisecond) })
		defer g.stop()
		leader := func() *third {
			mu.Lock()
			defer mu.Unlock()
			for _, name := range g.names {
				if n := g.nodes[name]; n != nil && n.Leads() {
					return n
				}
			}
			return nil
		}
		var l load
		var loads sync.WaitGroup
		done := make(chan struct{})
		for range 4 { // as many as a shard has on the way
			loads.Go(func() { l.run(leader, done) })
		}
		for range 12 {
			time.Sleep(upTo(3 * time.Second))
			first := int(upTo(3))
			down := []string{g.names[first], g.names[(first+1)%3]}[:1+upTo(2)]
			left := map[string]*vfs.MemFS{}
			for _, name := range down {
				mu.Lock()
				n := g.nodes[name]
				delete(g.nodes, name)
				mu.Unlock()
				left[name] = g.losePower(name, n)
			}
			g.net.Heal()
			if upTo(2) == 0 {
				slices.Reverse(down)
			}
			for _, name := range down {
				time.Sleep(upTo(4 * time.Second))
				n := g.open(name, left[name])
				mu.Lock()
				g.nodes[name] = n
				mu.Unlock()
			}
		}
		close(done)
		loads.Wait()
		last, _ := g.leader()
		propose(t, g.nodes[last].Replica, "end")
		there := map[string]int{}
		for _, entry := range strings.Fields(g.awaitAll("end")) {
			there[entry]++
		}
		for _, entry := range l.acked {
			if there[entry] != 1 {
				t.Errorf("%s was acknowledged and is there %d times", entry, there[entry])
			}
		}
		if len(l.acked) < 100 {
			t.Errorf("%d acknowledgements are too few to show anything", len(l.acked))
		}
		t.Logf("%d of %d were acknowledged, %d are there", len(l.acked), l.next, len(there))
	})
}
