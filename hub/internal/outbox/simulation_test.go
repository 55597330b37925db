package outbox

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"weir/hub/internal/placement"
	"weir/proto/weirpb"
)

var (
	histories = flag.Int("histories", 60, "how many random histories to run")
	oneSeed   = flag.Uint64("seed", 0, "run the history of this seed alone")
)

// A simulation is a box, a region, and what is between.
type simulation struct {
	t          *testing.T
	random     *rand.Rand
	box        *Box
	region     *region
	now        time.Time
	wires      []*wire
	zombies    []arrival // sent on sessions that were lost, and may arrive yet
	sessions   Session
	known      map[placement.Shard]uint64 // terms that the client has heard of
	publishers []*publisher
	waiting    map[*Item]func(Settled)
}

const (
	simNodes  = 3
	simShards = 2
	each      = 40
)

// TestNothingIsLostDoubledOrReordered runs random histories of elections, crashes, cut connections, late answers and
// refusals. At the end every receipt must be true, no payload may be there twice, and each publisher's must be in order.
func TestNothingIsLostDoubledOrReordered(t *testing.T) {
	if *oneSeed != 0 {
		simulate(t, *oneSeed)
		return
	}
	for range *histories {
		seed := rand.Uint64()
		simulate(t, seed)
		if t.Failed() {
			t.Fatalf("go test ./hub/internal/outbox -run Nothing -seed %d", seed)
		}
	}
}

func simulate(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 1))
	s := &simulation{
		t: t, random: random, region: newRegion(random, simNodes, simShards), now: time.Unix(1_800_000_000, 0),
		box:   New(Limits{Items: 1000, Bytes: 1 << 20, LaneItems: 100, LaneBytes: 1 << 20}),
		known: map[placement.Shard]uint64{}, waiting: map[*Item]func(Settled){},
	}
	for i := range 6 {
		s.publishers = append(s.publishers, &publisher{
			name: fmt.Sprint("p", i), channel: fmt.Sprint("c", i%3), recognised: i < 4, settled: map[string]uint64{},
		})
	}
	for range 3000 {
		s.step()
	}
	s.settle()
	s.check()
}

// step does one thing.
func (s *simulation) step() {
	s.now = s.now.Add(time.Duration(s.random.IntN(8)) * time.Millisecond)
	switch n := s.random.IntN(100); {
	case n < 10:
		s.publish()
	case n < 40:
		s.deliver()
	case n < 65:
		s.answer()
	case n < 75:
		s.region.commit(s.shard())
	case n < 83:
		s.learn()
	case n < 90:
		s.connect(s.random.IntN(simNodes))
	case n < 92:
		s.cut()
	case n < 94:
		s.region.elect(s.shard(), s.anyUp())
	case n < 96:
		s.noticeLate()
	case n < 97:
		s.crash(s.random.IntN(simNodes))
	case n < 99:
		s.region.nodes[s.random.IntN(simNodes)].up = true
	default:
		s.arriveLate()
	}
	s.box.Tick(s.now)
	s.act()
}

func (s *simulation) shard() placement.Shard { return placement.Shard(1 + s.random.IntN(simShards)) }

func (s *simulation) anyUp() int {
	for {
		if n := s.random.IntN(simNodes); s.region.nodes[n].up {
			return n
		}
		s.region.nodes[s.random.IntN(simNodes)].up = true
	}
}

// settle ends all that goes wrong and waits until everything has an answer.
func (s *simulation) settle() {
	s.region.calm = true
	for i, n := range s.region.nodes {
		n.up = true
		s.connect(i)
	}
	for len(s.zombies) > 0 {
		s.arriveLate()
	}
	for round := 0; ; round++ {
		s.now = s.now.Add(20 * time.Millisecond)
		if s.finished() && s.box.Len() == 0 {
			return
		}
		if round > 5000 {
			s.t.Errorf("%d publications never got an answer", s.box.Len())
			return
		}
		for shard, g := range s.region.groups {
			if s.region.nodes[g.leader].leads[shard] != g.term {
				s.region.elect(shard, g.leader)
			}
			s.know(shard)
			s.region.commit(shard)
		}
		for i, n := range s.region.nodes {
			for shard, g := range s.region.groups {
				if g.leader != i && n.leads[shard] != 0 {
					s.region.notice(shard, n)
				}
			}
		}
		for _, p := range s.publishers {
			s.handOver(p)
		}
		for range 20 {
			s.deliver()
			s.answer()
		}
		s.box.Tick(s.now)
		s.act()
	}
}

func (s *simulation) finished() bool {
	for _, p := range s.publishers {
		if !p.finished && (p.count < each || len(p.queue) > 0) {
			return false
		}
	}
	return true
}

// act does what the box asks for.
func (s *simulation) act() {
	for {
		effects := s.box.Flush()
		if len(effects.Settled) == 0 && len(effects.Wake) == 0 {
			return
		}
		for _, session := range effects.Wake {
			for _, w := range s.wires {
				if w.session == session {
					for sends := s.box.Take(s.now, session, 50); len(sends) > 0; sends = s.box.Take(s.now, session, 50) {
						w.there = append(w.there, sends...)
					}
				}
			}
		}
		for _, settled := range effects.Settled {
			tell := s.waiting[settled.Item]
			if tell == nil {
				s.t.Fatal("a publication has been answered twice")
			}
			delete(s.waiting, settled.Item)
			tell(settled)
		}
	}
}

// deliver lets one attempt arrive.
func (s *simulation) deliver() {
	if w := s.anyWire(); w != nil && len(w.there) > 0 {
		send := w.there[0]
		w.there = w.there[1:]
		s.region.take(s.region.nodes[w.node], arrival{w, send})
	}
}

// answer lets one answer arrive, any.
func (s *simulation) answer() {
	w := s.anyWire()
	if w == nil || len(w.back) == 0 {
		return
	}
	i := s.random.IntN(len(w.back))
	a := w.back[i]
	w.back = append(w.back[:i], w.back[i+1:]...)
	s.box.Answer(s.now, a.attempt, a.receipt, a.fault)
}

func (s *simulation) anyWire() *wire {
	if len(s.wires) == 0 {
		return nil
	}
	return s.wires[s.random.IntN(len(s.wires))]
}

// learn lets the client hear who leads a shard.
func (s *simulation) learn() { s.know(s.shard()) }

func (s *simulation) know(shard placement.Shard) {
	g := s.region.groups[shard]
	s.box.SetShards(s.now, simShards)
	s.known[shard] = g.term
	for _, w := range s.wires {
		if w.node == g.leader {
			s.box.SetLeader(s.now, shard, w.session, g.term)
			return
		}
	}
	s.box.SetLeader(s.now, shard, 0, g.term)
}

func (s *simulation) connect(n int) {
	for _, w := range s.wires {
		if w.node == n {
			return
		}
	}
	if s.region.nodes[n].up {
		s.sessions++
		s.wires = append(s.wires, &wire{session: s.sessions, node: n})
	}
}

// cut ends a session. What was on its way may have got there; what is recognised may even do so long afterwards, which is
// worse than what QUIC allows.
func (s *simulation) cut() {
	if w := s.anyWire(); w != nil {
		s.lose(w, s.region.nodes[w.node].up)
	}
}

func (s *simulation) lose(w *wire, arrives bool) {
	if arrives {
		for _, send := range w.there[:s.random.IntN(len(w.there)+1)] {
			if send.Item.Again && s.random.IntN(2) == 0 {
				s.zombies = append(s.zombies, arrival{w, send})
				continue
			}
			s.region.take(s.region.nodes[w.node], arrival{w, send})
		}
	}
	w.lost, w.there, w.back = true, nil, nil
	for i := range s.wires {
		if s.wires[i] == w {
			s.wires = append(s.wires[:i], s.wires[i+1:]...)
			break
		}
	}
	s.box.Lost(s.now, w.session, errors.New("cut"))
}

func (s *simulation) arriveLate() {
	if len(s.zombies) > 0 {
		a := s.zombies[0]
		s.zombies = s.zombies[1:]
		if n := s.region.nodes[a.wire.node]; n.up {
			s.region.take(n, a)
		}
	}
}

func (s *simulation) noticeLate() {
	shard := s.shard()
	g := s.region.groups[shard]
	for i, n := range s.region.nodes {
		if i != g.leader && n.leads[shard] != 0 {
			s.region.notice(shard, n)
		}
	}
}

func (s *simulation) crash(i int) {
	s.region.crash(i)
	for _, w := range append([]*wire(nil), s.wires...) {
		if w.node == i {
			s.lose(w, false)
		}
	}
}

// publish lets a publisher hand something over.
func (s *simulation) publish() { s.handOver(s.publishers[s.random.IntN(len(s.publishers))]) }

func (s *simulation) handOver(p *publisher) {
	if p.finished {
		return
	}
	if p.underway == 0 {
		p.resend(s)
	}
	for n := s.random.IntN(4); n > 0 && p.count < each && !p.stalled(); n-- {
		p.count++
		next := &pub{payload: fmt.Sprintf("%03d", p.count)}
		if p.recognised {
			next.sequence = p.nextSequence()
		}
		p.queue = append(p.queue, next)
		s.send(p, next)
	}
}

func (s *simulation) send(p *publisher, next *pub) {
	publication := &weirpb.Publication{
		Channel: p.channel, Key: p.name, Payload: []byte(next.payload), Sequence: next.sequence,
	}
	if p.recognised {
		publication.Producer = p.name
	}
	item := &Item{
		Tenant: "acme", Channel: p.channel, Producer: publication.GetProducer(), Again: p.recognised, Size: 10,
		Deadline: s.now.Add(4 * time.Second), Publication: publication,
	}
	next.underway = true
	p.underway++
	s.waiting[item] = func(settled Settled) { p.heard(settled, next) }
	if f := s.box.Add(s.now, item); f != nil {
		tell := s.waiting[item]
		delete(s.waiting, item)
		tell(Settled{Item: item, Fault: f})
	}
}

// check looks at the logs.
func (s *simulation) check() {
	for shard, g := range s.region.groups {
		latest := map[string]string{}
		for i, r := range g.log {
			if latest[r.channel+r.publisher] >= r.payload {
				s.t.Errorf("shard %d has %s's %s at %d after %s", shard, r.publisher, r.payload, i+1, latest[r.channel+r.publisher])
			}
			latest[r.channel+r.publisher] = r.payload
		}
	}
	for _, p := range s.publishers {
		g := s.region.groups[placement.Hashed(simShards).ShardOf("acme", p.channel)]
		for payload, offset := range p.settled {
			if offset == 0 {
				continue
			}
			if offset > uint64(len(g.log)) || g.log[offset-1] != (record{p.channel, p.name, payload}) {
				s.t.Errorf("%v was told that %s is at %d, which is not so", p, payload, offset)
			}
		}
	}
}
