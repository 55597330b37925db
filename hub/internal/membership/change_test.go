package membership_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"weir/hub/internal/membership"
)

// group reads "a* b ~c -d e!": voters, the leader with a star, learners with a tilde; those with a minus are not well.
func group(t interface{ Fatalf(string, ...any) }, text string) membership.Group {
	g := membership.Group{Well: map[string]bool{}}
	for word := range strings.FieldsSeq(text) {
		name := strings.Trim(word, "*~-")
		if name == "" {
			t.Fatalf("%q has no name", word)
		}
		g.Well[name] = !strings.Contains(word, "-")
		if strings.Contains(word, "*") {
			g.Leader = name
		}
		if strings.Contains(word, "~") {
			g.Learners = append(g.Learners, name)
		} else {
			g.Voters = append(g.Voters, name)
		}
	}
	return g
}

// table reads "a b c! d!e": nodes, those that leave with an exclamation mark and who takes their place.
func table(text string) []membership.Node {
	var all []membership.Node
	for word := range strings.FieldsSeq(text) {
		name, by, leaving := strings.Cut(word, "!")
		all = append(all, membership.Node{Name: name, Leaving: leaving, ReplacedBy: by})
	}
	return all
}

func TestNext(t *testing.T) {
	names := map[membership.Kind]string{
		membership.Nothing: "", membership.Learn: "learn ", membership.Promote: "promote ",
		membership.Remove: "remove ", membership.Yield: "yield ",
	}
	for _, x := range []struct{ called, table, group, want string }{
		{"all is as it should be", "a b c", "a* b c", ""},
		{"a node joins", "a b c d", "a* b c", "learn d"},
		{"it has yet to catch up", "a b c d", "a* b c ~-d", ""},
		{"it has caught up", "a b c d", "a* b c ~d", "promote d"},
		{"a second one for a single node", "a b", "a*", "learn b"},
		{"and its vote", "a b", "a* ~b", "promote b"},
		{"a node that is not well does not leave by itself", "a b c", "a* b -c", ""},
		{"a node leaves", "a b c!", "a* b c", "remove c"},
		{"a dead node leaves", "a b c!", "a* b -c", "remove c"},
		{"one leaves while another is not well", "a b c!", "a* -b c", ""},
		{"the leader leaves", "a! b c", "a* b c", "yield a"},
		{"a learner leaves", "a b c d!", "a* b c ~d", "remove d"},
		{"a dead node is replaced: first the new one learns", "a b c!d d", "a* b -c", "learn d"},
		{"then it gets its vote", "a b c!d d", "a* b -c ~d", "promote d"},
		{"then the old one goes", "a b c!d d", "a* b -c d", "remove c"},
		{"not before", "a b c!d d", "a* b -c ~-d", ""},
		{"a new vote that could not be counted", "a b c d", "a* -b -c ~d", ""},
		{"who is not in the table stays", "a b", "a* b c", ""},
		{"the last one stays", "a!", "a*", ""},
	} {
		c := membership.Next(table(x.table), group(t, x.group))
		if got := names[c.Kind] + c.Node; got != x.want {
			t.Errorf("%s: %q, want %q", x.called, got, x.want)
		}
	}
}

// TestNextIsSafe has any group with any table take steps until there are none, while its nodes come and go.
func TestNextIsSafe(t *testing.T) {
	nodes := []string{"a", "b", "c", "d", "e", "f"}
	rapid.Check(t, func(t *rapid.T) {
		g := membership.Group{Voters: rapid.Permutation(nodes).Draw(t, "voters")[:rapid.IntRange(1, 5).Draw(t, "n")], Well: map[string]bool{}}
		g.Leader = g.Voters[0]
		var wanted []membership.Node
		for _, n := range nodes {
			if slices.Contains(g.Voters, n) || rapid.Bool().Draw(t, n+" joins") {
				wanted = append(wanted, membership.Node{Name: n, Leaving: rapid.IntRange(0, 3).Draw(t, n+" leaves") == 0})
			}
		}
		for range 30 {
			for _, n := range nodes {
				g.Well[n] = n == g.Leader || rapid.IntRange(0, 3).Draw(t, n+" is well") > 0
			}
			step(t, wanted, &g)
		}
	})
}

// step takes one step and checks it.
func step(t *rapid.T, wanted []membership.Node, g *membership.Group) {
	c := membership.Next(wanted, *g)
	leaving := slices.ContainsFunc(wanted, func(n membership.Node) bool { return n.Name == c.Node && n.Leaving })
	before := slices.Clone(g.Voters)
	switch c.Kind {
	case membership.Learn:
		g.Learners = append(g.Learners, c.Node)
	case membership.Promote:
		g.Learners = slices.DeleteFunc(g.Learners, func(n string) bool { return n == c.Node })
		g.Voters = append(g.Voters, c.Node)
	case membership.Remove:
		g.Learners = slices.DeleteFunc(g.Learners, func(n string) bool { return n == c.Node })
		g.Voters = slices.DeleteFunc(g.Voters, func(n string) bool { return n == c.Node })
	case membership.Yield:
		for _, n := range g.Voters {
			if n != c.Node && g.Well[n] {
				g.Leader = n
			}
		}
	}
	if (c.Kind == membership.Remove || c.Kind == membership.Yield) != leaving && c.Kind != membership.Nothing {
		t.Fatalf("%v of a node for which leaving is %v", c, leaving)
	}
	if !slices.Contains(g.Voters, g.Leader) {
		t.Fatalf("%v leaves the group without its leader", c)
	}
	if len(before) == len(g.Voters) {
		return
	}
	well := 0
	for _, n := range g.Voters {
		if g.Well[n] {
			well++
		}
	}
	if well <= len(g.Voters)/2 {
		t.Fatalf("%v leaves %d of %d voters that are well", c, well, len(g.Voters))
	}
	if d := len(before) - len(g.Voters); d > 1 || d < -1 {
		t.Fatalf("%v changes %d votes", c, d)
	}
}

// TestNextComesToAnEnd has all nodes be well.
func TestNextComesToAnEnd(t *testing.T) {
	for _, x := range []struct{ table, group, want string }{
		{"a b c", "a*", "[a b c]"},
		{"a b c d e", "a* b c", "[a b c d e]"},
		{"a! b c d!e e", "a* b d", "[b c e]"},
		{"a!d b!e c!f d e f", "a* b c", "[d e f]"},
	} {
		g := group(t, x.group)
		for _, n := range table(x.table) {
			g.Well[n.Name] = true
		}
		steps := 0
		for c := membership.Next(table(x.table), g); c.Kind != membership.Nothing; c = membership.Next(table(x.table), g) {
			switch c.Kind {
			case membership.Learn:
				g.Learners = append(g.Learners, c.Node)
			case membership.Promote:
				g.Learners, g.Voters = nil, append(g.Voters, c.Node)
			case membership.Remove:
				g.Voters = slices.DeleteFunc(g.Voters, func(n string) bool { return n == c.Node })
			case membership.Yield:
				g.Leader = g.Voters[len(g.Voters)-1]
			}
			if steps++; steps > 50 {
				t.Fatalf("%q with %q comes to no end", x.table, x.group)
			}
		}
		slices.Sort(g.Voters)
		if got := fmt.Sprint(g.Voters); got != x.want {
			t.Errorf("%q with %q ends with %s, want %s", x.table, x.group, got, x.want)
		}
	}
}
