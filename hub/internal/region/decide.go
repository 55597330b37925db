package region

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Hello is what a node says of itself before it has a region.
type Hello struct {
	Self   Founder
	Shards int
	// Peers are the nodes that it expects, itself among them.
	Peers []string
	// Region is the one that it belongs to, nil if it has none yet, and Nodes are those that this has now.
	Region *Region
	Nodes  []Node
}

// Reasons to give up. Others pass.
var (
	// ErrDataGone says that the region knows the node with another data folder: this one has forgotten what it voted for.
	ErrDataGone = errors.New("this node's data are gone")
	// ErrForeign says that the region is there already, without this node.
	ErrForeign = errors.New("the region has begun without this node")
)

// Decide tells what a node without a region does once it has heard of some of those that it expects: it begins or enters
// the region that it returns, waits if that is nil and the error says for what, or gives up with ErrDataGone or ErrForeign.
//
// A region begins only when all have answered and none of them has one, and is the same for all who find that. Whoever is
// late finds the region with the others, and that it is one of those that it began with.
func Decide(self Hello, heard []Hello) (*Region, error) {
	for _, h := range heard {
		if h.Region == nil {
			continue
		}
		switch {
		case h.Region.Founded(self.Self.Node):
			r := *h.Region
			r.Begun, r.Joined = false, false
			return &r, nil
		case slices.Contains(h.Region.Names(), self.Self.Name), named(h.Nodes, self.Self.Name):
			return nil, fmt.Errorf("%w: node %q of region %s had others", ErrDataGone, self.Self.Name, h.Region.ID)
		}
		return nil, fmt.Errorf("%w: %s", ErrForeign, h.Region.ID)
	}
	return begin(self, heard)
}

func named(nodes []Node, name string) bool {
	return slices.ContainsFunc(nodes, func(n Node) bool { return n.Name == name })
}

// begin returns the new region, if all expect the same one.
func begin(self Hello, heard []Hello) (*Region, error) {
	founders := []Founder{self.Self}
	missing := slices.DeleteFunc(slices.Clone(self.Peers), func(name string) bool { return name == self.Self.Name })
	for _, h := range heard {
		if err := agree(self, h); err != nil {
			return nil, err
		}
		founders = append(founders, h.Self)
		missing = slices.DeleteFunc(missing, func(name string) bool { return name == h.Self.Name })
	}
	if len(missing) > 0 {
		slices.Sort(missing)
		return nil, fmt.Errorf("waiting for %s", strings.Join(missing, ", "))
	}
	r := Found(founders, self.Shards)
	return &r, nil
}

func agree(a, b Hello) error {
	pa, pb := slices.Sorted(slices.Values(a.Peers)), slices.Sorted(slices.Values(b.Peers))
	switch {
	case !slices.Equal(pa, pb):
		return fmt.Errorf("node %q expects the nodes %s, this one %s", b.Self.Name, strings.Join(pb, ", "), strings.Join(pa, ", "))
	case a.Shards != b.Shards:
		return fmt.Errorf("node %q wants %d shards, this one %d", b.Self.Name, b.Shards, a.Shards)
	}
	return nil
}
