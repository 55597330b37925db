package hub

import (
	"context"
	"fmt"
	"sync"
	"time"

	"weir/hub/internal/placement"
	"weir/proto/fault"
	"weir/proto/meshpb"
)

// Bounds of looking whether the control state is behind.
const (
	// catchUpTimeout is how long a request may wait for it. Followers hear of a commit within 100 ms.
	catchUpTimeout = time.Second
	// maxUnsure is how many requests may wait for such a look: each holds a connection and what it has sent.
	maxUnsure = 4096
	// catchUpPause is between two looks, so that requests about what there is not cost the leader at most 50 a second and
	// node.
	catchUpPause = 20 * time.Millisecond
)

// A catchUp brings the node's control state to where its leader's was when it was asked for. Whatever had been answered to
// anyone before is then known here: "create, then publish" never fails because a shard's leader is late.
type catchUp struct {
	// turn has room for the flight that is under way.
	turn chan struct{}
	// unsure has room for the requests that wait.
	unsure chan struct{}

	mu sync.Mutex
	// next has not begun, and may be joined; nil: there is none. Guarded by mu.
	next *flight
}

// A flight is one look, for all who asked for it before it began.
type flight struct {
	done chan struct{}
	err  error // valid once done is closed
}

func (c *catchUp) init() {
	c.turn, c.unsure = make(chan struct{}, 1), make(chan struct{}, maxUnsure)
}

// catchUp waits until the control state has all that was answered before. The error says why it may not have.
func (h *Hub) catchUp(ctx context.Context) error {
	c := &h.catching
	c.mu.Lock()
	f := c.next
	if f == nil {
		f = &flight{done: make(chan struct{})}
		if !h.status.spawn(&h.running, func() { h.fly(f) }) {
			c.mu.Unlock()
			return errClosed
		}
		c.next = f
	}
	c.mu.Unlock()
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// fly waits for its turn, after which nobody can join any more, and looks.
func (h *Hub) fly(f *flight) {
	c := &h.catching
	c.turn <- struct{}{}
	defer func() { <-c.turn }()
	c.mu.Lock()
	c.next = nil
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(h.ctx, catchUpTimeout)
	defer cancel()
	f.err = h.reachControl(ctx)
	close(f.done)
	select {
	case <-time.After(catchUpPause):
	case <-h.ctx.Done():
	}
}

func (h *Hub) reachControl(ctx context.Context) error {
	g := h.groups[placement.Control]
	leader, err := g.awaitLeader(ctx)
	if err != nil {
		return err
	}
	if leader == h.node.Name {
		// A leader that has been deposed may not know it yet, and another one have answered meanwhile.
		return g.verify(ctx)
	}
	at, err := call[meshpb.ControlIndexed](ctx, h, leader, methodControl, &meshpb.ControlIndex{Region: h.region.ID})
	if err != nil {
		return err
	}
	return h.control.Reach(ctx, at.GetIndex())
}

// awaitLeader waits until somebody leads the group who can be asked.
func (g *group) awaitLeader(ctx context.Context) (string, error) {
	for {
		changed := g.lead.watch()
		switch leader, _ := g.replica.Leader(); {
		case leader == g.hub.node.Name && g.lead.leads(), leader != g.hub.node.Name && leader != "":
			return leader, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return "", fmt.Errorf("group %d has no leader: %w", g.id, context.Cause(ctx))
		}
	}
}

// answerControlIndex tells another node how far the control state is.
func (h *Hub) answerControlIndex(ctx context.Context, from string, q *meshpb.ControlIndex) (*meshpb.ControlIndexed, error) {
	if err := h.checkRegion(from, q.GetRegion()); err != nil {
		return nil, err
	}
	g := h.groups[placement.Control]
	if err := g.checkLead(); err != nil {
		return nil, err
	}
	if err := g.verify(ctx); err != nil {
		return nil, err
	}
	return &meshpb.ControlIndexed{Index: h.control.State().Meta.GetIndex()}, nil
}

// mayBeLate reports whether a request was refused for what this node may only not have heard of yet.
func (h *Hub) mayBeLate(err error) bool {
	switch fault.CodeOf(err) {
	case fault.TenantUnknown, fault.NamespaceUnknown, fault.Unauthenticated, fault.FilterUnknown, fault.NotFound:
		return h.transport != nil
	}
	return false
}

// sure returns what look finds, and has it look again once the node has caught up if what it misses may be late.
func sure[T any](ctx context.Context, h *Hub, look func() (T, error)) (T, error) {
	found, err := look()
	if err == nil || h.status.check() != nil || !h.mayBeLate(err) {
		return found, err
	}
	select {
	case h.catching.unsure <- struct{}{}:
		defer func() { <-h.catching.unsure }()
	default:
		return found, fault.New(fault.Busy, "%d requests wait already to be told whether there is what they name", maxUnsure).
			WithHint("try again in a moment")
	}
	if late := h.catchUp(ctx); late != nil {
		return found, mayNotKnow(late)
	}
	return look()
}

// mayNotKnow is what is said instead of a refusal that may only come of being late.
func mayNotKnow(why error) *fault.Fault {
	return fault.New(fault.Unavailable, "this node can't tell whether it knows all of its region").
		WithHint("try again in a moment; operators: is a majority of the region's hub nodes up?").WithCause(why)
}

// catchUpFirst brings the node to where it may serve what every node does.
func (h *Hub) catchUpFirst() {
	for h.ctx.Err() == nil {
		err := h.catchUp(h.ctx)
		if err == nil && !h.aboutToLead() {
			h.status.serve()
			break
		}
		if h.status.serving.Load() {
			break
		}
		h.log.Debug("the control state may be behind", "error", err)
		select {
		case <-time.After(catchUpPause):
		case <-h.ctx.Done():
		}
	}
	if err := h.announce(h.ctx); err != nil && h.ctx.Err() == nil {
		h.log.Warn("others may not find this node", "error", err)
	}
}

// aboutToLead reports whether this node leads the control group without having caught up with its own log.
func (h *Hub) aboutToLead() bool {
	g := h.groups[placement.Control]
	return g.replica.Leads() && !g.lead.leads()
}
