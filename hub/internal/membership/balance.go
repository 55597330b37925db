package membership

// Bounds of handing leads over, in looks, of which there is one a second.
const (
	// insist is how many looks in a row have to come to the same transfer.
	insist = 3
	// pause passes after a transfer, so that everybody sees what came of it.
	pause = 3
	// firstWait passes after leads have moved otherwise, or a transfer has failed, twice as much each time up to lastWait:
	// nodes that have too little processor time lose what they are given, and each transfer costs publishers a pause.
	firstWait, lastWait = 4, 300
	// calm looks without any of that, and leads are handed over as if there had been none; a group that is to move a second
	// time within them is none too.
	calm = 120
)

// A Balancer hands leads over so that all nodes have about as many, and ever more seldom where that does not last. Each node
// has one, and all come to about the same; the one that leads the group in question does it.
type Balancer struct {
	next  Transfer
	times int // that next has been the answer, in a row
	rest  int // looks that are to pass
	wait  int // how many passed after the last disturbance, 0 for none lately
	quiet int // looks since then

	looks   int
	leaders map[uint32]string // the last that each group is known to have had
	moved   map[uint32]int    // in which look a group's lead was handed over, where it was
}

// Look returns the transfer that it is time for.
func (b *Balancer) Look(leads []Lead, fit map[string]bool) (Transfer, bool) {
	b.looks++
	if b.quiet++; b.quiet > calm {
		b.wait = 0
	}
	if b.changed(leads) {
		b.disturb()
	}
	if b.rest > 0 {
		b.rest--
		return Transfer{}, false
	}
	next, ok := Spread(leads, fit)
	switch {
	case !ok:
		b.times = 0
		return Transfer{}, false
	case next == b.next:
		b.times++
	default:
		b.next, b.times = next, 1
	}
	if b.times < insist {
		return Transfer{}, false
	}
	b.times, b.rest = 0, pause
	if last, again := b.moved[next.Group]; again && b.looks-last <= calm {
		b.disturb()
	}
	b.moved[next.Group] = b.looks
	return next, true
}

// Failed says that the transfer could not be carried out.
func (b *Balancer) Failed() { b.disturb() }

// changed reports whether a lead has moved but to where it should.
func (b *Balancer) changed(leads []Lead) (unexpected bool) {
	if b.leaders == nil {
		b.leaders, b.moved = map[uint32]string{}, map[uint32]int{}
	}
	for _, l := range leads {
		before := b.leaders[l.Group]
		if l.Leader == "" || l.Leader == before {
			continue
		}
		b.leaders[l.Group] = l.Leader
		if before != "" && (Transfer{l.Group, l.Leader}) != b.next {
			unexpected = true
		}
	}
	return unexpected
}

func (b *Balancer) disturb() {
	b.wait = min(max(2*b.wait, firstWait), lastWait)
	b.rest, b.times, b.quiet = max(b.rest, b.wait), 0, 0
}
