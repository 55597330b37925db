// Package membership decides who belongs to a region's Raft groups and who leads them: pure functions of what is wanted,
// what is there and who is well, for their callers to carry out one step at a time.
package membership

import (
	"cmp"
	"slices"
)

// A Node is one that the region's table has.
type Node struct {
	Name string
	// Leaving is true for one that shall leave all groups; it first waits for ReplacedBy to be a voter, unless that is empty.
	Leaving    bool
	ReplacedBy string
}

// A Group is what its leader knows of it.
type Group struct {
	// Leader is the node that decides.
	Leader           string
	Voters, Learners []string
	// Well has the nodes that are reached and have caught up, the leader among them.
	Well map[string]bool
}

// A Kind says what a Change does.
type Kind int

// The kinds of change.
const (
	// Nothing is to be done.
	Nothing Kind = iota
	// Learn has a node receive the log without a vote.
	Learn
	// Promote gives a learner a vote.
	Promote
	// Remove takes a node out.
	Remove
	// Yield has the leader hand over, because it is to be removed.
	Yield
)

// A Change is one step.
type Change struct {
	Kind Kind
	Node string
}

// Next returns the next step that brings a group to what the table wants. Steps are only ever taken one after another. None
// leaves the group with fewer well voters than the majority that it then needs, and none takes the vote of a node that has
// not been told to leave.
func Next(table []Node, g Group) Change {
	table = slices.SortedFunc(slices.Values(table), func(a, b Node) int { return cmp.Compare(a.Name, b.Name) })
	for _, decide := range []func([]Node, Group) Change{learn, promote, remove} {
		if c := decide(table, g); c.Kind != Nothing {
			return c
		}
	}
	return Change{}
}

func learn(table []Node, g Group) Change {
	for _, n := range table {
		if !n.Leaving && !slices.Contains(g.Voters, n.Name) && !slices.Contains(g.Learners, n.Name) {
			return Change{Learn, n.Name}
		}
	}
	return Change{}
}

func promote(table []Node, g Group) Change {
	for _, n := range table {
		if !n.Leaving && slices.Contains(g.Learners, n.Name) && g.Well[n.Name] && g.survives(append(slices.Clone(g.Voters), n.Name)) {
			return Change{Promote, n.Name}
		}
	}
	return Change{}
}

func remove(table []Node, g Group) Change {
	for _, n := range table {
		switch {
		case !n.Leaving:
		case slices.Contains(g.Learners, n.Name):
			return Change{Remove, n.Name}
		case !slices.Contains(g.Voters, n.Name), !g.replaced(n), !g.survives(without(g.Voters, n.Name)):
		case n.Name == g.Leader:
			return Change{Yield, n.Name}
		default:
			return Change{Remove, n.Name}
		}
	}
	return Change{}
}

// replaced reports whether who takes a node's place has done so.
func (g Group) replaced(n Node) bool {
	return n.ReplacedBy == "" || slices.Contains(g.Voters, n.ReplacedBy)
}

// survives reports whether enough of the voters are well for a majority.
func (g Group) survives(voters []string) bool {
	well := 0
	for _, v := range voters {
		if g.Well[v] {
			well++
		}
	}
	return well > len(voters)/2
}

func without(names []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == name })
}
