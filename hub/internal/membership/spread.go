package membership

import (
	"cmp"
	"slices"
)

// A Lead is who leads a group and who could.
type Lead struct {
	Group  uint32
	Leader string
	Voters []string
}

// A Transfer hands the lead of a group to a node.
type Transfer struct {
	Group uint32
	To    string
}

// Spread returns the transfer that does most for an even spread of the leads, or false where there is none that is worth
// it: nodes differ by one lead at most, which changes nothing when it is undone. fit has the nodes that may be given a lead;
// a leader that is not one of them gives up all that it has.
func Spread(leads []Lead, fit map[string]bool) (Transfer, bool) {
	leads = slices.SortedFunc(slices.Values(leads), func(a, b Lead) int { return cmp.Compare(a.Group, b.Group) })
	count := map[string]int{}
	for _, l := range leads {
		if l.Leader == "" {
			return Transfer{}, false // an election is under way: wait for what it brings
		}
		count[l.Leader]++
	}
	var best Transfer
	gain := 1 // of a transfer: by how much the nodes come closer to each other
	for _, l := range leads {
		for _, to := range slices.Sorted(slices.Values(l.Voters)) {
			if to == l.Leader || !fit[to] {
				continue
			}
			closer := count[l.Leader] - count[to]
			if !fit[l.Leader] {
				closer += len(leads) + 2
			}
			if closer > gain {
				best, gain = Transfer{l.Group, to}, closer
			}
		}
	}
	return best, gain > 1
}
