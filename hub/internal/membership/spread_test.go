package membership_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"weir/hub/internal/membership"
)

func leads(leaders ...string) []membership.Lead {
	var all []membership.Lead
	for g, l := range leaders {
		all = append(all, membership.Lead{Group: uint32(g), Leader: l, Voters: []string{"a", "b", "c"}})
	}
	return all
}

func TestSpread(t *testing.T) {
	all := map[string]bool{"a": true, "b": true, "c": true}
	for _, x := range []struct {
		called string
		leads  []membership.Lead
		fit    map[string]bool
		want   string
	}{
		{"one has them all", leads("a", "a", "a", "a", "a"), all, "0 to b"},
		{"the next", leads("b", "a", "a", "a", "a"), all, "1 to c"},
		{"as even as five can be", leads("a", "b", "c", "a", "b"), all, ""},
		{"one more than another", leads("a", "a", "b", "c"), all, ""},
		{"a difference of two", leads("a", "a", "a", "b", "c"), all, "0 to b"},
		{"an election is under way", leads("a", "a", "", "a"), all, ""},
		{"the others are not fit", leads("a", "a", "a"), map[string]bool{"a": true}, ""},
		{"a leader is not fit", leads("a", "b", "c"), map[string]bool{"b": true, "c": true}, "0 to b"},
		{"one with many, one that is not fit", leads("a", "b", "b", "b"), map[string]bool{"b": true, "c": true}, "0 to c"},
		{"a single group", leads("a"), all, ""},
		{"none", nil, all, ""},
	} {
		got := ""
		if m, ok := membership.Spread(x.leads, x.fit); ok {
			got = fmt.Sprint(m.Group, " to ", m.To)
		}
		if got != x.want {
			t.Errorf("%s: %q, want %q", x.called, got, x.want)
		}
	}
}

// TestSpreadComesToAnEvenEnd begins anywhere.
func TestSpreadComesToAnEvenEnd(t *testing.T) {
	nodes := []string{"a", "b", "c"}
	rapid.Check(t, func(t *rapid.T) {
		all := leads(rapid.SliceOfN(rapid.SampledFrom(nodes), 1, 12).Draw(t, "leaders")...)
		fit := map[string]bool{}
		for _, n := range nodes {
			fit[n] = rapid.IntRange(0, 4).Draw(t, n+" is fit") > 0
		}
		moves := 0
		for m, ok := membership.Spread(all, fit); ok; m, ok = membership.Spread(all, fit) {
			if !fit[m.To] {
				t.Fatalf("%v goes to a node that is not fit", m)
			}
			all[m.Group].Leader = m.To
			if moves++; moves > 2*len(all) {
				t.Fatal("it comes to no end")
			}
		}
		count := map[string]int{}
		for _, l := range all {
			count[l.Leader]++
		}
		for _, a := range nodes {
			for _, b := range nodes {
				if fit[b] && (!fit[a] && count[a] > 0 || count[a]-count[b] > 1) {
					t.Fatalf("it ends with %v", count)
				}
			}
		}
	})
}
