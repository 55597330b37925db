package simulation

import (
	"fmt"
	"slices"
	"time"

	"weir/hub/internal/outbox"
	"weir/hub/internal/placement"
	"weir/hub/internal/routing"
	"weir/proto/fault"
	identity "weir/proto/producer"
	"weir/proto/weirpb"
)

// An edge has the real outbox and the real routes. Its fan-out is a model: see channel.
type edge struct {
	w    *world
	name string
	up   bool
	life int

	box     *outbox.Box
	routing *routing.Routes
	links   map[string]*link
	numbers outbox.Session
	waiting map[*outbox.Item]func(*weirpb.Receipt, *fault.Fault)
	due     time.Time // of the plan to look at the box

	channels map[string]*channel
	sessions []session
}

// A session is a client's, at an edge.
type session interface{ lost() }

func newEdge(w *world, n int) *edge { return &edge{w: w, name: fmt.Sprint("edge-", n)} }

func (e *edge) start() {
	e.up = true
	e.life++
	e.box = outbox.New(outbox.Limits{Items: 500, Bytes: 1 << 20, LaneItems: 200, LaneBytes: 1 << 20})
	e.routing, e.links = routing.New(), map[string]*link{}
	e.waiting, e.due = map[*outbox.Item]func(*weirpb.Receipt, *fault.Fault){}, time.Time{}
	e.channels, e.sessions = map[string]*channel{}, nil
	e.connect()
}

// connect is called now and then.
func (e *edge) connect() {
	for _, n := range e.w.nodes {
		if e.up && e.links[n.name] == nil {
			e.dial(n)
		}
	}
}

func (e *edge) crash() {
	e.up = false
	for _, n := range e.w.nodes {
		if l := e.links[n.name]; l != nil {
			l.lose(e.w.lateness())
		}
	}
	for _, c := range e.channels {
		c.stop()
	}
	sessions := e.sessions
	e.sessions = nil
	for _, s := range sessions {
		s.lost()
	}
}

// settle brings the box up to date with links and routes, as package hubclient does.
func (e *edge) settle() {
	if !e.up {
		return
	}
	e.box.SetShards(e.w.now, e.routing.Shards())
	for s := placement.Shard(1); s <= placement.Shard(e.routing.Shards()); s++ {
		name, term := e.routing.Leader(s.Group())
		var number outbox.Session
		if l := e.links[name]; l != nil {
			number = l.number
		}
		e.box.SetLeader(e.w.now, s, number, term)
	}
	for _, c := range sortedKeys(e.channels) {
		e.channels[c].moved()
	}
	e.act()
}

// act does what the box asks for.
func (e *edge) act() {
	if !e.up {
		return
	}
	effects := e.box.Flush()
	for _, number := range effects.Wake {
		for _, l := range e.links {
			if l.number == number {
				e.send(l)
			}
		}
	}
	for _, settled := range effects.Settled {
		done := e.waiting[settled.Item]
		if done == nil {
			e.w.broken("the outbox", "a publication is answered twice, or was never handed over")
			return
		}
		delete(e.waiting, settled.Item)
		done(settled.Receipt, e.tampered(settled.Fault))
	}
	if next := e.box.Next(); !next.IsZero() && (e.due.IsZero() || next.Before(e.due)) {
		e.due = next
		life := e.life
		e.w.at(next, func() {
			if e.up && e.life == life && e.due.Equal(next) {
				e.due = time.Time{}
				e.box.Tick(e.w.now)
				e.act()
			}
		})
	}
}

func (e *edge) send(l *link) {
	for sends := e.box.Take(e.w.now, l.number, 400); len(sends) > 0; sends = e.box.Take(e.w.now, l.number, 400) {
		if e.w.bug == sendsInAnyOrder {
			e.w.random.Shuffle(len(sends), func(i, j int) { sends[i], sends[j] = sends[j], sends[i] })
		}
		for _, s := range sends {
			l.publish(s)
		}
	}
}

// tampered is what a broken edge answers.
func (e *edge) tampered(f *fault.Fault) *fault.Fault {
	if cause, ok := unwrapped(f); ok && e.w.bug == tellsRefusalsOfOpen {
		return cause
	}
	return f
}

func unwrapped(f *fault.Fault) (*fault.Fault, bool) {
	if f == nil {
		return nil, false
	}
	cause, ok := f.Cause.(*fault.Fault)
	return cause, ok && f.Code == fault.Unavailable
}

// publish hands a publication to the outbox, as hubclient.Publish does.
func (e *edge) publish(p *weirpb.Publication, done func(*weirpb.Receipt, *fault.Fault)) {
	item := &outbox.Item{
		Tenant: tenant, Channel: p.GetChannel(), Producer: p.GetProducer(), Again: p.GetProducer() != "" && p.GetSequence() != 0,
		Size: 100, Deadline: e.w.now.Add(2 * time.Second), Publication: p,
	}
	e.waiting[item] = done
	if f := e.box.Add(e.w.now, item); f != nil {
		delete(e.waiting, item)
		done(nil, f)
	}
	e.act()
}

// grant makes a producer identity.
func (e *edge) grant() string { return identity.New(e.w.now, noise{e.w}) }

// noise is the world's chance as bytes.
type noise struct{ w *world }

func (n noise) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(n.w.random.Uint32())
	}
	return len(p), nil
}

// enter adds a session, leave takes it away.
func (e *edge) enter(s session) { e.sessions = append(e.sessions, s) }

func (e *edge) leave(s session) {
	e.sessions = slices.DeleteFunc(e.sessions, func(other session) bool { return other == s })
}

// lateness is how long what a lost connection carried may still arrive: mostly not at all, sometimes long after others
// have taken the lead.
func (w *world) lateness() time.Duration {
	if w.calm || w.chance(60) {
		return 0
	}
	return w.between(0, time.Second)
}
