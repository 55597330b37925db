package simulation

import (
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
)

// TestRegions tells histories of regions in which everything goes wrong, each by another seed. WEIR_SEED tells the one of
// that seed, and WEIR_SEEDS from how many seeds on.
func TestRegions(t *testing.T) {
	first, count := fromEnvironment(t, "WEIR_SEED", 0), fromEnvironment(t, "WEIR_SEEDS", histories)
	if os.Getenv("WEIR_SEED") != "" && os.Getenv("WEIR_SEEDS") == "" {
		count = 1
	}
	if seed, wrong := search(first, count, noBug); wrong != "" {
		t.Fatalf("%s\nrepeat it with WEIR_SEED=%d go test ./hub/internal/simulation -run TestRegions", wrong, seed)
	}
}

func fromEnvironment(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	set := os.Getenv(name)
	if set == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(set, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// garbage is how much of it may pile up, in percent of what is used: a history is short, and so is what it uses.
const garbage = 800

func TestMain(m *testing.M) {
	debug.SetGCPercent(garbage)
	os.Exit(m.Run())
}

// search tells histories until a promise is broken, and returns its seed and which it was.
func search(first, count uint64, b bug) (seed uint64, wrong string) {
	var next atomic.Uint64
	var found atomic.Bool
	var mu sync.Mutex
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for n := next.Add(1); n <= count && !found.Load(); n = next.Add(1) {
				if w := tell(first+n-1, b); w.wrong != "" {
					found.Store(true)
					mu.Lock()
					if wrong == "" || first+n-1 < seed {
						seed, wrong = first+n-1, w.wrong
					}
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	return seed, wrong
}

// TestBugsAreFound makes sure that the simulation can fail.
func TestBugsAreFound(t *testing.T) {
	for _, b := range bugs {
		t.Run(b.called, func(t *testing.T) {
			seed, wrong := search(0, uint64(b.within), b.bug)
			if wrong == "" {
				t.Fatalf("not found in %d histories", b.within)
			}
			t.Logf("seed %d: %s", seed, wrong)
		})
	}
}

// TestASeedTellsOneStory tells some twice.
func TestASeedTellsOneStory(t *testing.T) {
	for seed := range uint64(20) {
		one, two := tell(seed, noBug), tell(seed, noBug)
		if one.serial != two.serial || !one.now.Equal(two.now) || one.random.Uint64() != two.random.Uint64() {
			t.Errorf("seed %d ends after %d events and %s, then after %d and %s", seed, one.serial, one.now, two.serial, two.now)
		}
	}
}
