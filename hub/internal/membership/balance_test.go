package membership_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"weir/hub/internal/membership"
)

// A flapping is three nodes with their balancers and five groups, in virtual time of a look each.
type flapping struct {
	random    *rand.Rand
	leads     []membership.Lead
	fit       map[string]bool
	balancers map[string]*membership.Balancer
	transfers int
}

func newFlapping(seed uint64) *flapping {
	f := &flapping{
		random: rand.New(rand.NewPCG(seed, 0)), leads: leads("a", "b", "c", "a", "b"),
		fit: map[string]bool{}, balancers: map[string]*membership.Balancer{},
	}
	for _, n := range []string{"a", "b", "c"} {
		f.fit[n], f.balancers[n] = true, &membership.Balancer{}
	}
	return f
}

// look has all nodes look, and the leaders carry out what they come to, in the order of the nodes. A transfer to who is starved fails
// half of the time.
func (f *flapping) look(starved string) {
	for _, n := range []string{"a", "b", "c"} {
		next, ok := f.balancers[n].Look(f.leads, f.fit)
		if !ok || f.leads[next.Group].Leader != n {
			continue
		}
		f.transfers++
		if next.To == starved && f.random.IntN(2) == 0 {
			f.balancers[n].Failed()
			continue
		}
		f.leads[next.Group].Leader = next.To
	}
}

// starve has a node lose what it leads, now and then, and be unfit, now and then.
func (f *flapping) starve(node string) {
	for i := range f.leads {
		if f.leads[i].Leader == node && f.random.IntN(3) == 0 {
			f.leads[i].Leader = []string{"a", "b"}[f.random.IntN(2)]
		}
	}
	f.fit[node] = f.random.IntN(10) > 0
}

// even reports whether no node has two leads more than another.
func (f *flapping) even() bool {
	_, ok := membership.Spread(f.leads, f.fit)
	return !ok
}

func seeds(t *testing.T) []uint64 {
	if text := os.Getenv("WEIR_SEED"); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return []uint64{seed}
	}
	all := make([]uint64, 500)
	for i := range all {
		all[i] = uint64(i + 1)
	}
	return all
}

// TestStarvedNodeIsNotGivenLeadsForEver has a node be starved of processor time for half an hour, and then be well: transfers are
// few meanwhile, and the leads are even within some minutes after that.
func TestStarvedNodeIsNotGivenLeadsForEver(t *testing.T) {
	const starving, bound = 1800, 40 // one every 10 looks would be 180
	most := 0
	for _, seed := range seeds(t) {
		f := newFlapping(seed)
		for range starving {
			f.starve("c")
			f.look("c")
		}
		most = max(most, f.transfers)
		if f.transfers > bound {
			t.Fatalf("WEIR_SEED=%d: %d transfers in %d looks", seed, f.transfers, starving)
		}
		f.fit["c"] = true
		for look := 0; !f.even(); look++ {
			if f.look(""); look > 600 {
				t.Fatalf("WEIR_SEED=%d: after %d looks the leads are %v", seed, look, f.leads)
			}
		}
	}
	t.Logf("at most %d transfers in %d looks", most, starving)
}

// TestUnfitNodeIsNotPlayedWith has a node say by turns that it is behind and that it is not, every so many looks.
func TestUnfitNodeIsNotPlayedWith(t *testing.T) {
	for _, period := range []int{4, 7, 10, 20, 60} {
		f := newFlapping(1)
		for look := range 1800 {
			f.fit["c"] = look/period%2 == 0
			f.look("")
		}
		if f.transfers > 40 {
			t.Errorf("every %d looks: %d transfers", period, f.transfers)
		}
	}
}

// TestBalancerIsQuickAtFirst has one node lead everything, as after the others were restarted.
func TestBalancerIsQuickAtFirst(t *testing.T) {
	f := newFlapping(1)
	f.leads = leads("a", "a", "a", "a", "a")
	looks := 0
	for ; !f.even(); looks++ {
		f.look("")
	}
	if got := fmt.Sprint(f.transfers, " in ", looks); f.transfers != 3 || looks > 20 {
		t.Error(got)
	}
}
