package simulation

import (
	"fmt"
	"math/rand/v2"
	"time"

	"weir/hub/internal/placement"
)

const (
	// troubled is how long things go wrong, in virtual time, and patient how long they may then take to settle.
	troubled = 3 * time.Second
	patient  = 60 * time.Second
	// asleep is how long everybody is silent in some histories: longer than producers are remembered.
	asleep = 65 * time.Second
)

// tell tells the history of a seed and returns the world at its end.
func tell(seed uint64, b bug) *world {
	w := begin(seed, b)
	end := w.began.Add(troubled)
	never := func() bool { return false }
	if w.chance(2) {
		w.run(w.now.Add(troubled/2), never)
		w.run(w.now.Add(asleep), never)
		end = w.now.Add(troubled / 2)
	}
	w.after(0, w.activity(end))
	w.run(end, never)
	w.heal()
	settled := false
	w.every(50*time.Millisecond, func() { settled = settled || w.settled() })
	if !w.run(w.now.Add(patient), func() bool { return settled }) {
		w.broken("progress", "%s", w.unsettled())
	}
	w.truth.checkReplicas()
	for _, c := range w.clients {
		c.check()
	}
	return w
}

// begin makes a region.
func begin(seed uint64, b bug) *world {
	w := &world{random: rand.New(rand.NewPCG(seed, 1)), bug: b, cuts: cuts{map[[2]int]bool{}, map[[2]string]bool{}}}
	w.began = time.Unix(1_800_000_000, 0)
	w.now = w.began
	w.refusals = pick(w, []int{0, 0, 1, 6})
	w.truth = newTruth(w)
	w.tenants = &directory{w: w, now: &tenancy{id: 1, limits: limits{
		windowAgeMs: pick(w, []uint64{1000, 60_000}), windowCount: pick(w, []uint64{8, 24, 1000}), dedupeAgeMs: pick(w, []uint64{500, 2000, 60_000}),
	}}}
	for i := range pick(w, []int{3, 3, 3, 5}) {
		w.nodes = append(w.nodes, newNode(w, i))
	}
	for s := range w.nodes[0].members {
		var peers []*peer
		for _, n := range w.nodes {
			peers = append(peers, n.members[s].peer)
		}
		for _, p := range peers {
			p.peers = peers
		}
	}
	for i := range 2 {
		w.edges = append(w.edges, newEdge(w, i+1))
	}
	w.start()
	return w
}

func (w *world) start() {
	for _, n := range w.nodes {
		n.start()
		for _, m := range n.members {
			w.every(heartbeat, m.peer.tick)
			w.every(time.Second, m.sweep)
		}
	}
	for _, e := range w.edges {
		e.start()
		w.every(50*time.Millisecond, e.connect)
	}
	for i := range 3 {
		c := newClient(w, i+1)
		w.clients = append(w.clients, c)
		c.connect()
	}
	for i, e := range w.edges {
		w.raws = append(w.raws, &raw{w: w, name: fmt.Sprint("raw-", i+1), edge: e, channel: w.channels()[i], left: 15})
	}
	for _, name := range w.channels()[:2] {
		for range 2 {
			r := &reader{w: w, channel: name}
			w.readers = append(w.readers, r)
			w.after(w.between(0, time.Second), r.connect)
		}
	}
	w.after(500*time.Millisecond, w.chaos)
	w.after(0, w.activity(w.began.Add(troubled/2)))
}

func (w *world) channels() []string { return []string{"chat:1", "chat:2", stateChannel} }

// activity has everybody publish until some time.
func (w *world) activity(until time.Time) func() {
	return func() {
		for _, c := range w.clients {
			if w.chance(30) {
				c.publish()
			}
		}
		for _, r := range w.raws {
			if w.chance(30) {
				r.publish()
			}
		}
		for _, e := range w.edges {
			if e.up {
				e.channel(stateChannel)
			}
		}
		if w.now.Before(until) {
			w.after(w.between(20*time.Millisecond, 80*time.Millisecond), w.activity(until))
		}
	}
}

// settled reports whether everything that was begun has come to its end.
func (w *world) settled() bool { return w.unsettled() == "" }

// unsettled says what has not.
func (w *world) unsettled() string {
	for _, c := range w.clients {
		if !c.settled() {
			waiting, _ := c.publisher.Len()
			if c.left > 0 {
				c.publish()
			}
			return fmt.Sprintf("%s waits for %d publications and has %d left", c.name, waiting, c.left)
		}
	}
	for _, r := range w.raws {
		if r.left = 0; r.waiting > 0 {
			return fmt.Sprintf("%s waits for %d publications", r.name, r.waiting)
		}
	}
	for s := placement.Shard(1); s <= placement.Shard(shards); s++ {
		leader := w.leader(s)
		if leader == nil {
			return fmt.Sprintf("shard %d has no leader", s)
		}
		for _, n := range w.nodes {
			if at := int(n.members[s-1].machine.Applied()); at != len(leader.peer.log) {
				return fmt.Sprintf("%s has applied %d of %d entries of shard %d", n.name, at, len(leader.peer.log), s)
			}
		}
	}
	for _, r := range w.readers {
		if epoch, last := w.truth.end(r.channel); epoch != 0 && (r.epoch != epoch || r.offset != last) {
			return fmt.Sprintf("a reader of %q stands at %d of epoch %d, the channel at %d of %d", r.channel, r.offset, r.epoch, last, epoch)
		}
	}
	for _, e := range w.edges {
		c := e.channel(stateChannel)
		if epoch, last := w.truth.end(stateChannel); epoch != 0 && (c.epoch != epoch || c.offset != last || c.holed) {
			return fmt.Sprintf("%s stands at %d of epoch %d of %q, the channel at %d of %d", e.name, c.offset, c.epoch, stateChannel, last, epoch)
		}
	}
	return ""
}
