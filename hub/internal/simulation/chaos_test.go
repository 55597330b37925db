package simulation

import "time"

// cuts are the wires that are cut: between two nodes, by their numbers, or between an edge and a node.
type cuts struct {
	nodes map[[2]int]bool
	edges map[[2]string]bool
}

func (w *world) cutOff(a, b int) bool { return w.cuts.nodes[[2]int{min(a, b), max(a, b)}] }

func (w *world) cutOffEdge(e *edge, n *node) bool { return w.cuts.edges[[2]string{e.name, n.name}] }

// chaos does something bad, and makes it good after a while.
func (w *world) chaos() {
	if w.calm {
		return
	}
	w.after(w.between(10*time.Millisecond, 250*time.Millisecond), w.chaos)
	a, b, e := pick(w, w.nodes), pick(w, w.nodes), pick(w, w.edges)
	switch n := w.random.IntN(100); {
	case n < 14:
		w.crash(a)
	case n < 24:
		w.isolate(a)
	case n < 32 && a != b:
		w.cut(a, b)
	case n < 44:
		w.handOver()
	case n < 50:
		m := pick(w, a.members)
		if a.up && !m.peer.leading {
			m.peer.campaign()
		}
	case n < 54 && e.up:
		w.crashEdge(e)
	case n < 64:
		if l := e.links[a.name]; l != nil {
			l.lose(w.lateness())
		}
	case n < 68:
		w.cutEdge(e, a)
	case n < 80:
		pick(w, w.clients).leave()
	case n < 92:
		pick(w, w.readers).leave()
	case n < 94:
		w.tenants.renew()
	default:
		w.swing(e)
	}
}

// crash ends a node for a while, mostly only if a majority stays.
func (w *world) crash(n *node) {
	up := 0
	for _, other := range w.nodes {
		if other.up {
			up++
		}
	}
	if !n.up || up <= len(w.nodes)/2+1 && w.chance(80) {
		return
	}
	n.crash()
	w.after(w.between(20*time.Millisecond, 800*time.Millisecond), func() {
		if !n.up {
			n.start()
		}
	})
}

func (w *world) isolate(n *node) {
	for _, other := range w.nodes {
		if other != n {
			w.cut(n, other)
		}
	}
}

func (w *world) cut(a, b *node) {
	wire := [2]int{min(a.id, b.id), max(a.id, b.id)}
	w.cuts.nodes[wire] = true
	w.after(w.between(50*time.Millisecond, time.Second), func() { delete(w.cuts.nodes, wire) })
}

func (w *world) cutEdge(e *edge, n *node) {
	wire := [2]string{e.name, n.name}
	w.cuts.edges[wire] = true
	if l := e.links[n.name]; l != nil {
		l.lose(w.lateness())
	}
	w.after(w.between(50*time.Millisecond, 600*time.Millisecond), func() { delete(w.cuts.edges, wire) })
}

func (w *world) crashEdge(e *edge) {
	e.crash()
	for _, r := range w.raws {
		if r.edge == e {
			r.waiting = 0
		}
	}
	w.after(w.between(20*time.Millisecond, 400*time.Millisecond), func() {
		if !e.up {
			e.start()
		}
	})
}

// handOver transfers the lead of a shard, as in a rolling restart.
func (w *world) handOver() {
	m := pick(w, pick(w, w.nodes).members)
	if m := w.leader(m.shard); m != nil {
		m.peer.transfer(w.random.IntN(len(w.nodes)))
	}
}

// swing transfers the lead of a shard there and back, while what an edge sends to its leader is held up.
func (w *world) swing(e *edge) {
	m := w.leader(pick(w, w.nodes[0].members).shard)
	if m == nil {
		return
	}
	if l := e.links[m.node.name]; l != nil {
		l.there.stall(w.between(100*time.Millisecond, 500*time.Millisecond))
	}
	other := pick(w, w.nodes)
	m.peer.transfer(other.id)
	w.after(w.between(100*time.Millisecond, 200*time.Millisecond), func() {
		other.members[m.shard-1].peer.transfer(m.node.id)
	})
}

// heal ends all that goes wrong.
func (w *world) heal() {
	w.calm = true
	w.cuts = cuts{map[[2]int]bool{}, map[[2]string]bool{}}
	for _, n := range w.nodes {
		if !n.up {
			n.start()
		}
	}
	for _, e := range w.edges {
		if !e.up {
			e.start()
		}
	}
}
