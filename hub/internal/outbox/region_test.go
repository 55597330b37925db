package outbox

import (
	"fmt"
	"math/rand/v2"

	"weir/hub/internal/placement"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

// A region is what a hub of several nodes is to a box: for each shard a log that only the leader of the latest term extends,
// and nodes that may believe for a while that they still lead.
type region struct {
	random *rand.Rand
	shards placement.Hashed
	groups map[placement.Shard]*group
	nodes  []*node
	calm   bool // nothing goes wrong any more
}

type group struct {
	term   uint64
	leader int // of that term
	log    []record
	last   map[string]uint64   // by channel and producer: the sequence
	placed map[string][]uint64 // by channel and producer: offsets, by sequence - 1
}

type record struct{ channel, publisher, payload string }

type node struct {
	up bool
	// leads has, by shard, the term in which the node believes that it leads; pending what it has taken and not answered.
	leads   map[placement.Shard]uint64
	pending map[placement.Shard][]arrival
}

// An arrival is an attempt that a node has taken.
type arrival struct {
	wire *wire
	send Send
}

func newRegion(random *rand.Rand, nodes int, shards placement.Hashed) *region {
	r := &region{random: random, shards: shards, groups: map[placement.Shard]*group{}}
	for range nodes {
		r.nodes = append(r.nodes, &node{up: true, leads: map[placement.Shard]uint64{}, pending: map[placement.Shard][]arrival{}})
	}
	for s := placement.Shard(1); s <= placement.Shard(shards); s++ {
		r.groups[s] = &group{leader: -1, last: map[string]uint64{}, placed: map[string][]uint64{}}
		r.elect(s, random.IntN(nodes))
	}
	return r
}

// elect makes another node the leader. The new one has some of what the old one had taken, from the beginning.
func (r *region) elect(s placement.Shard, winner int) {
	g := r.groups[s]
	if g.leader >= 0 {
		old := r.nodes[g.leader]
		for _, a := range old.pending[s][:r.random.IntN(len(old.pending[s])+1)] {
			r.apply(g, a.send.Item)
		}
		if winner == g.leader || r.random.IntN(2) == 0 {
			r.notice(s, old)
		}
	}
	g.term++
	g.leader = winner
	r.notice(s, r.nodes[winner]) // what it may have taken in an earlier term
	r.nodes[winner].leads[s] = g.term
}

// notice lets a node find out that it does not lead any more. What it had taken may be in the log by now.
func (r *region) notice(s placement.Shard, n *node) {
	taken := n.pending[s]
	n.pending[s] = nil
	delete(n.leads, s)
	for _, a := range taken {
		a.wire.answer(a.send, nil, fault.New(fault.Timeout, "it may or may not have been accepted"))
	}
}

// take is a node's Publish.
func (r *region) take(n *node, a arrival) {
	s := r.shards.ShardOf(a.send.Item.Tenant, a.send.Item.Channel)
	switch {
	case n.leads[s] != a.send.Term:
		a.wire.answer(a.send, nil, fault.New(fault.NotLeader, "another node leads"))
	case !r.calm && r.random.IntN(50) == 0:
		a.wire.answer(a.send, nil, fault.New(fault.Busy, "too much waits"))
	case !r.calm && r.random.IntN(100) == 0:
		a.wire.answer(a.send, nil, fault.New(fault.PayloadTooLarge, "the settings have changed"))
	default:
		n.pending[s] = append(n.pending[s], a)
	}
}

// commit lets the leader of a shard have some of what it has taken confirmed by the others.
func (r *region) commit(s placement.Shard) {
	g := r.groups[s]
	n := r.nodes[g.leader]
	if !n.up || n.leads[s] != g.term {
		return
	}
	count := r.random.IntN(len(n.pending[s]) + 1)
	for _, a := range n.pending[s][:count] {
		receipt, f := r.apply(g, a.send.Item)
		a.wire.answer(a.send, receipt, f)
	}
	n.pending[s] = n.pending[s][count:]
}

// apply is the state machine: offsets are places in the log.
func (r *region) apply(g *group, item *Item) (*weirpb.Receipt, *fault.Fault) {
	p := item.Publication
	key := p.GetChannel() + " " + p.GetProducer()
	offset := uint64(len(g.log) + 1)
	if p.GetProducer() != "" {
		last := g.last[key]
		if p.GetSequence() <= last {
			return &weirpb.Receipt{Offset: g.placed[key][p.GetSequence()-1], Duplicate: true}, nil
		}
		if p.GetSequence() > last+1 {
			return nil, fault.New(fault.SequenceGap, "publication %d is missing", last+1)
		}
		g.last[key]++
		g.placed[key] = append(g.placed[key], offset)
	}
	g.log = append(g.log, record{p.GetChannel(), p.GetKey(), string(p.GetPayload())})
	return &weirpb.Receipt{Offset: offset}, nil
}

// crash ends a node's process: nobody is answered.
func (r *region) crash(i int) {
	n := r.nodes[i]
	n.up = false
	for s, g := range r.groups {
		if g.leader == i { // what had got to others may survive
			for _, a := range n.pending[s][:r.random.IntN(len(n.pending[s])+1)] {
				r.apply(g, a.send.Item)
			}
		}
		n.pending[s] = nil
		delete(n.leads, s)
	}
}

// A wire is one session. What is sent arrives in order; answers arrive in any.
type wire struct {
	session Session
	node    int
	lost    bool
	there   []Send
	back    []reply
}

type reply struct {
	attempt uint64
	receipt *weirpb.Receipt
	fault   *fault.Fault
}

func (w *wire) answer(s Send, r *weirpb.Receipt, f *fault.Fault) {
	if !w.lost {
		w.back = append(w.back, reply{s.Attempt, r, f})
	}
}

// A publisher hands over numbered payloads as SPEC.md, section 7, says, or without a producer.
type publisher struct {
	name, channel string
	recognised    bool
	queue         []*pub // not settled, in order
	underway      int
	count         int // handed over for the first time so far
	finished      bool
	tries         int               // in a row that something was sent again
	lastSequence  uint64            // the highest that is taken
	settled       map[string]uint64 // by payload: the offset that a receipt gave, 0 for a fault
}

type pub struct {
	payload  string
	sequence uint64
	underway bool
	open     bool
	freed    bool // refused for good while not open
	done     bool
}

func (p *publisher) String() string { return fmt.Sprintf("%s on %s", p.name, p.channel) }
