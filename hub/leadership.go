package hub

import (
	"sync"
	"sync/atomic"

	"weir/proto/fault"
)

// A leadership says whether this node leads a group and may serve for it.
type leadership struct {
	// term is that in which the node leads and has caught up, 0 while it does not.
	term atomic.Uint64

	mu sync.Mutex
	// changed is closed and replaced with term, and when the group's leader may be another. Guarded by mu.
	changed chan struct{}
}

func (l *leadership) init() { l.changed = make(chan struct{}) }

func (l *leadership) leads() bool { return l.term.Load() != 0 }

// set says in which term the node leads and serves, 0 that it does not.
func (l *leadership) set(term uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.term.Store(term)
	l.notify()
}

// stir tells who waits to look again.
func (l *leadership) stir() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.notify()
}

// notify requires mu.
func (l *leadership) notify() {
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *leadership) watch() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.changed
}

// checkLead returns why this node can't take a request for the group now: a *fault.Fault.
func (g *group) checkLead() error {
	if g.lead.leads() {
		return g.hub.status.check()
	}
	if now := g.hub.status.get(); now.failed != nil {
		return now.failed
	}
	return g.notLeader()
}

// Leads returns nil if this node leads the shard of a channel, and in that very term unless that is 0; else why not.
func (h *Hub) Leads(tenant, channel string, term uint64) error {
	if err := h.status.check(); err != nil {
		return err
	}
	g := h.shardOf(tenant, channel).group
	if err := g.checkLead(); err != nil {
		return err
	}
	if led := g.lead.term.Load(); term != 0 && led != term {
		return fault.New(fault.NotLeader, "this node leads group %d in term %d, not in term %d", g.id, led, term).
			WithHint("look for the group's leader again")
	}
	return nil
}

// notLeader is what anyone is told who asks this node for what another one has.
func (g *group) notLeader() error {
	leader := ""
	if g.replica != nil {
		leader, _ = g.replica.Leader()
	}
	switch leader {
	case "":
		return fault.New(fault.NotLeader, "group %d has no leader at the moment", g.id).WithHint("try again in a moment")
	case g.hub.node.Name:
		return fault.New(fault.NotLeader, "this node is about to lead group %d", g.id).WithHint("try again in a moment")
	}
	return fault.New(fault.NotLeader, "node %q leads group %d", leader, g.id).WithHint("ask that one")
}
