package filterstats

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"weir/proto/fault"
	"weir/proto/weirpb"
)

// An edgeModel reports as edges do: what it has counted in all, to all nodes that it reaches.
type edgeModel struct {
	instance string
	counts   *weirpb.FilterCounts
	number   uint64
	begun    bool
}

func (e *edgeModel) report(nodes []*Ledger) {
	for range 2 {
		e.number++
		again := false
		for _, l := range nodes {
			err := l.ReportFilters(context.Background(), &weirpb.EdgeReport{
				Instance: e.instance, Begins: !e.begun, Number: e.number,
				Filters: []*weirpb.FilterReport{counted(1, &weirpb.FilterCounts{Calls: e.counts.GetCalls(), Fuel: e.counts.GetFuel()})},
			})
			again = again || fault.CodeOf(err) == fault.NotFound
		}
		e.begun = !again
		if !again {
			return
		}
	}
}

// Three nodes, of which some are away at times or begin anew, and edges that come and go: whichever nodes are asked, their answers
// together have every report once, but those that no node has any more which was there.
func TestNoNodeCountsTwiceOrHalf(t *testing.T) {
	for seed := range uint64(200) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) { mergeHistory(t, rand.New(rand.NewPCG(seed, 1))) })
	}
}

func mergeHistory(t *testing.T, random *rand.Rand) {
	clock := time.UnixMilli(1_795_000_000_000)
	fresh := func() *Ledger {
		l := New(nil)
		l.now = func() time.Time { return clock }
		return l
	}
	nodes := []*Ledger{fresh(), fresh(), fresh()}
	var alive []*edgeModel
	total := uint64(0)           // of all that was reported
	known := [3]map[string]bool{ // which edges' last words a node has
		{}, {}, {},
	}
	gone := map[string]uint64{}
	for step := range 60 {
		clock = clock.Add(time.Second)
		reached := slices.DeleteFunc([]int{0, 1, 2}, func(int) bool { return random.IntN(4) == 0 })
		if len(reached) == 0 {
			reached = []int{0}
		}
		var to []*Ledger
		for _, i := range reached {
			to = append(to, nodes[i])
		}
		switch random.IntN(8) {
		case 0:
			alive = append(alive, &edgeModel{instance: fmt.Sprint("edge-", step), counts: &weirpb.FilterCounts{}})
		case 1:
			if len(alive) > 0 { // it says its last words
				e := alive[0]
				alive = alive[1:]
				e.report(to)
				gone[e.instance] = e.counts.GetCalls()
				for _, i := range reached {
					known[i][e.instance] = true
				}
			}
		case 2: // a node begins anew
			i := random.IntN(3)
			nodes[i] = fresh()
			clear(known[i])
		default:
			for _, e := range alive {
				e.counts.Calls += random.Uint64N(10)
				e.counts.Fuel = 100 * e.counts.Calls
				e.report(to)
			}
		}
	}
	for _, e := range alive {
		e.report(nodes)
		total += e.counts.GetCalls()
	}
	for instance, calls := range gone {
		if known[0][instance] || known[1][instance] || known[2][instance] {
			total += calls
		}
	}
	versions := []*weirpb.FilterVersion{versionNo(1)}
	for first := range 3 {
		merged := MergeStats(nodes[first].Stats(versions), nodes[(first+1)%3].Stats(versions), nodes[(first+2)%3].Stats(versions))
		var calls, fuel uint64
		for _, s := range merged.GetFilters() {
			calls, fuel = s.GetTotal().GetCalls(), s.GetTotal().GetFuel()
		}
		// A node may still have an older report of an edge that was lost with its last words: then there is more than total, never
		// more than was counted.
		most := total
		for instance, n := range gone {
			if !known[0][instance] && !known[1][instance] && !known[2][instance] {
				most += n
			}
		}
		if calls < total || calls > most || fuel != 100*calls {
			t.Errorf("asked of node %d, the sum is %d calls, %d fuel; want %d to %d calls", first, calls, fuel, total, most)
		}
	}
}

func TestRowsThatWereAddedUpAreNotCountedTwice(t *testing.T) {
	a, b := newBench(t), newBench(t)
	a.most = 2
	for i := range 5 {
		a.clock = a.clock.Add(time.Second)
		for _, l := range []*bench{a, b} {
			l.mustReport(fmt.Sprint("edge-", i), true, 10)
		}
	}
	versions := []*weirpb.FilterVersion{versionNo(1)}
	merged := MergeStats(a.Stats(versions), b.Stats(versions))
	if calls := merged.GetFilters()[0].GetTotal().GetCalls(); calls != 50 {
		t.Errorf("the sum is %d calls", calls)
	}
}

func TestLogsOfNodesArePutTogether(t *testing.T) {
	a, b := newBench(t), newBench(t)
	for _, err := range []error{a.say("e", true, 1, 1, 2), b.say("e", true, 1, 2, 3), b.say("g", true, 1, 9)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	versions := []*weirpb.FilterVersion{versionNo(1)}
	merged := MergeLogs(a.Lines("acme", versions, nil), b.Lines("acme", versions, nil))
	var all []string
	for _, l := range merged.GetLines() {
		all = append(all, fmt.Sprint(l.GetInstance(), l.GetLine().GetNumber()))
	}
	if !slices.Equal(all, []string{"e1", "e2", "e3", "g9"}) || len(merged.GetPositions()) != 2 {
		t.Errorf("together it is %v, up to %v", all, merged.GetPositions())
	}
}
