package hub

import (
	"context"
	"slices"
	"sync"
	"time"

	"weir/proto/fault"
	"weir/proto/meshpb"
	"weir/proto/weirpb"
)

// confirm makes sure that a read of a channel is as consistent as it must be. What has been acknowledged to anybody is
// applied here, for as long as this node leads: so for a linearizable read it is enough that it still does.
func (h *Hub) confirm(ctx context.Context, p place, c weirpb.Consistency) error {
	switch c {
	case weirpb.Consistency_CONSISTENCY_UNSPECIFIED, weirpb.Consistency_CONSISTENCY_LEADER:
		return nil
	case weirpb.Consistency_CONSISTENCY_LINEARIZABLE:
		return p.part.group.verify(ctx)
	}
	return fault.New(fault.InvalidArgument, "there is no consistency %d", c).WithHint(`use "leader" or "linearizable"`)
}

// verifyTimeout is how long the others may take to say in which term they are: several elections.
const verifyTimeout = 5 * time.Second

// A verifier makes sure that a node still leads a group, once for all who ask meanwhile.
type verifier struct {
	mu sync.Mutex
	// next is the round that those join who ask now, nil for none yet; asking is true while there are rounds. Guarded by mu.
	next   *round
	asking bool
}

// A round begins after all who have joined it have asked. err is set before done is closed.
type round struct {
	done chan struct{}
	err  error
}

// verify makes sure that this node leads the group, and has all that was acknowledged, at some moment after the call. It is refused
// with not_leader where it does not, or where no majority says so.
func (g *group) verify(ctx context.Context) error {
	r, err := g.joinRound()
	if err != nil {
		return err
	}
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		return fault.New(fault.Timeout, "no majority of the region's nodes has answered in time").WithCause(context.Cause(ctx))
	}
}

func (g *group) joinRound() (*round, error) {
	v := &g.verifier
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.next == nil {
		v.next = &round{done: make(chan struct{})}
	}
	if !v.asking {
		if !g.hub.status.spawn(&g.hub.running, g.rounds) {
			return nil, errClosed
		}
		v.asking = true
	}
	return v.next, nil
}

// rounds asks one round after the other, as long as somebody waits for one.
func (g *group) rounds() {
	v := &g.verifier
	for {
		v.mu.Lock()
		r := v.next
		v.next, v.asking = nil, r != nil
		v.mu.Unlock()
		if r == nil {
			return
		}
		r.err = g.askTerm()
		close(r.done)
	}
}

// askTerm makes sure that a majority of the voters, this node among them, is in the term in which it leads and serves: nobody has
// been elected in a later one by then, as that takes a majority too, and who votes is in that term before the vote is given. In a
// later term of its own the node may have yet to apply what others have acknowledged between.
// raft's own verification would also count an answer to a heartbeat from before, as it may lie in a socket of a process that
// was stopped for a while.
func (g *group) askTerm() error {
	term := g.lead.term.Load()
	voters := g.replica.Members().Voters
	if term == 0 || !g.replica.Leads() || !slices.Contains(voters, g.hub.node.Name) {
		return g.notLeader()
	}
	ctx, cancel := context.WithTimeout(g.hub.ctx, verifyTimeout)
	defer cancel()
	var asked sync.WaitGroup
	defer asked.Wait()
	terms := make(chan uint64, len(voters))
	for _, voter := range voters {
		asked.Go(func() { terms <- g.termOf(ctx, voter) })
	}
	agreed := 0
	for range voters {
		if <-terms == term {
			agreed++
		}
		if 2*agreed > len(voters) {
			cancel() // the others need not answer
			return nil
		}
	}
	return g.notLeader()
}

// termOf returns the term in which a voter is, 0 if it does not say.
func (g *group) termOf(ctx context.Context, voter string) uint64 {
	if voter == g.hub.node.Name {
		return g.replica.Term()
	}
	t, err := call[meshpb.Term](ctx, g.hub, voter, methodTerm, &meshpb.GetTerm{Region: g.hub.region.ID, Group: uint32(g.id)})
	if err != nil {
		g.log.Debug("a node does not say in which term it is", "node", voter, "error", err)
	}
	return t.GetTerm()
}

func (h *Hub) answerTerm(_ context.Context, from string, q *meshpb.GetTerm) (*meshpb.Term, error) {
	if err := h.checkRegion(from, q.GetRegion()); err != nil {
		return nil, err
	}
	if int(q.GetGroup()) >= len(h.groups) {
		return nil, fault.New(fault.InvalidArgument, "there is no group %d", q.GetGroup())
	}
	r := h.groups[q.GetGroup()].replica
	if r == nil {
		return &meshpb.Term{}, nil
	}
	return &meshpb.Term{Term: r.Term()}, nil
}
