package simulation

import (
	"time"

	"google.golang.org/protobuf/proto"

	"weir/hub/internal/outbox"
	"weir/proto/fault"
	"weir/proto/linkpb"
	"weir/proto/weirpb"
)

// A link is an edge's connection to a node: a model of QUIC, which keeps order within a stream and loses nothing until the
// connection is lost.
type link struct {
	edge   *edge
	node   *node
	life   int // the node's
	number outbox.Session
	there  pipe // publications
	back   pipe // their answers
	routes pipe
	open   bool
}

// dial connects an edge to a node, if it can be reached.
func (e *edge) dial(n *node) {
	w, life := e.w, e.life
	w.after(w.between(10*time.Millisecond, 30*time.Millisecond), func() {
		if !e.up || e.life != life || !n.up || e.links[n.name] != nil || w.cutOffEdge(e, n) {
			return
		}
		e.numbers++
		l := &link{edge: e, node: n, life: n.life, number: e.numbers, open: true}
		l.there.w, l.back.w, l.routes.w = w, w, w
		e.links[n.name] = l
		n.links = append(n.links, l)
		l.tellRoutes()
		e.settle()
	})
}

// lose ends the connection on both sides. What is on its way to the node and arrives within late is still taken there.
func (l *link) lose(late time.Duration) {
	if !l.open {
		return
	}
	l.open = false
	l.there.cut(late)
	l.back.cut(0)
	l.routes.cut(0)
	for i, other := range l.node.links {
		if other == l {
			l.node.links = append(l.node.links[:i], l.node.links[i+1:]...)
			break
		}
	}
	if e := l.edge; e.links[l.node.name] == l {
		delete(e.links, l.node.name)
		e.routing.Forget(l.node.name)
		e.box.Lost(e.w.now, l.number, nil)
		e.settle()
	}
}

// reached reports whether the node still lives that the link was made to.
func (l *link) reached() bool { return l.node.up && l.node.life == l.life }

func (l *link) tellRoutes() {
	table := l.node.routes()
	l.routes.send(func() { l.edge.learn(l, table) })
}

// publish sends an attempt. An attempt that nobody recognises is not taken once the connection is lost: it would be a
// publication of a connection that the node has yet to find out about, beside those of the next one.
func (l *link) publish(s outbox.Send) {
	e := l.edge
	p := proto.CloneOf(s.Item.Publication)
	l.there.send(func() {
		if !l.reached() || !l.open && !s.Item.Again {
			return
		}
		l.node.publish(s.Item.Tenant, s.Term, p, func(r *weirpb.Receipt, f *fault.Fault) {
			if !l.open {
				return
			}
			l.back.send(func() {
				e.box.Answer(e.w.now, s.Attempt, r, f)
				e.act()
			})
		})
	})
}

// learn takes what a node says about who leads.
func (e *edge) learn(l *link, table *linkpb.Routes) {
	if e.links[l.node.name] == l {
		e.routing.Learn(l.node.name, table)
		e.settle()
	}
}
