package hub

import (
	"context"
	"slices"
	"sync"
	"time"

	"weir/proto/meshpb"
)

// How nodes keep an eye on each other.
const (
	// surveyEvery is how often a node that leads something asks the others how they are, and surveyTimeout how long it waits.
	surveyEvery   = time.Second
	surveyTimeout = time.Second
	// maxLag is how many entries a node may be behind, at most, to be taken for one that keeps up: fewer than stay in the log
	// behind a snapshot.
	maxLag = 512
	// steady is how many surveys in a row a node has to keep up.
	steady = 2
)

// A survey is what a node has heard of the others lately. It is safe for concurrent use.
type survey struct {
	mu sync.Mutex
	// latest has the last answers, those that are missing left out. Guarded by mu.
	latest map[string]*meshpb.NodeStatus
	// kept counts the surveys in a row in which a node kept up with a group that this one leads. Guarded by mu.
	kept map[nodeGroup]int
}

type nodeGroup struct {
	node  string
	group uint32
}

func (s *survey) init() { s.kept = map[nodeGroup]int{} }

// take keeps the answers. due says up to which entry nodes have to be, to keep up, in the groups that this node leads.
func (s *survey) take(answers map[string]*meshpb.NodeStatus, due map[uint32]uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latest = answers
	kept := map[nodeGroup]int{}
	for node, status := range answers {
		for _, g := range status.GetGroups() {
			at, led := due[g.GetGroup()]
			if k := (nodeGroup{node, g.GetGroup()}); led && g.GetApplied() >= at {
				kept[k] = min(s.kept[k]+1, steady)
			}
		}
	}
	s.kept = kept
}

// well lists the nodes that have kept up with a group that this node leads.
func (s *survey) well(group uint32) map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[string]bool{}
	for k, n := range s.kept {
		if k.group == group && n >= steady {
			all[k.node] = true
		}
	}
	return all
}

// answered returns the last answers.
func (s *survey) answered() map[string]*meshpb.NodeStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.latest
}

// due returns up to which entry a node has to be to keep up with this one, which leads: a little behind what is committed, and
// not before the log's beginning, as it then has yet to be sent all that there is.
func (g *group) due() uint64 {
	committed := g.replica.Committed()
	return max(committed-min(committed, maxLag), max(g.replica.First(), 1)-1)
}

// look asks all nodes of the region how they are, as long as the hub serves.
func (h *Hub) look() {
	every := time.NewTicker(h.config.surveyEvery)
	defer every.Stop()
	var s spreading
	var known []string
	for {
		select {
		case <-h.ctx.Done():
			return
		case <-every.C:
		}
		known = h.disconnectGone(known)
		if i, ok := h.transport.(introducer); ok {
			i.Recheck()
		}
		h.updateRoutes()
		if err := h.lender.drop(time.Now().Add(-loanIdle)); err != nil {
			h.log.Warn("what was lent to another node could not be removed", "error", err)
		}
		due := map[uint32]uint64{}
		for _, g := range h.groups {
			if g.lead.leads() {
				due[uint32(g.id)] = g.due()
			}
		}
		if len(due) == 0 {
			continue
		}
		answers := h.askAll(h.ctx)
		h.noteSilent(answers)
		h.survey.take(answers, due)
		s.step(h)
	}
}

// noteSilent says which nodes have ceased or begun to answer.
func (h *Hub) noteSilent(answers map[string]*meshpb.NodeStatus) {
	before := h.survey.answered()
	if before == nil || h.ctx.Err() != nil {
		return
	}
	for node := range h.control.State().Nodes {
		switch was, is := before[node] != nil, answers[node] != nil; {
		case was && !is:
			h.log.Warn("a node does not answer", "silent", node)
		case !was && is:
			h.log.Info("a node answers", "answering", node)
		}
	}
}

// askAll asks all nodes of the table how they are, at once. Those that do not answer are left out.
func (h *Hub) askAll(ctx context.Context) map[string]*meshpb.NodeStatus {
	ctx, cancel := context.WithTimeout(ctx, surveyTimeout)
	defer cancel()
	var mu sync.Mutex
	all := map[string]*meshpb.NodeStatus{h.node.Name: h.nodeStatus()}
	var asked sync.WaitGroup
	for node := range h.control.State().Nodes {
		if node == h.node.Name || h.transport == nil {
			continue
		}
		asked.Go(func() {
			status, err := call[meshpb.NodeStatus](ctx, h, node, methodStatus, &meshpb.GetStatus{Region: h.region.ID})
			if err != nil {
				h.log.Debug("a node does not say how it is", "node", node, "error", err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			all[node] = status
		})
	}
	asked.Wait()
	return all
}

// answerStatus tells another node how this one is.
func (h *Hub) answerStatus(_ context.Context, from string, q *meshpb.GetStatus) (*meshpb.NodeStatus, error) {
	if err := h.checkRegion(from, q.GetRegion()); err != nil {
		return nil, err
	}
	return h.nodeStatus(), nil
}

func (h *Hub) nodeStatus() *meshpb.NodeStatus {
	s := &meshpb.NodeStatus{Id: h.node.Name, Closing: h.leavingLeads.Load() || h.room.Full()}
	for _, g := range h.groups {
		s.Groups = append(s.Groups, g.status())
	}
	return s
}

func (g *group) status() *meshpb.GroupStatus {
	leader, term := g.replica.Leader()
	m := g.replica.Members()
	slices.Sort(m.Voters)
	slices.Sort(m.Learners)
	s := &meshpb.GroupStatus{
		Group: uint32(g.id), Leader: leader, Term: term, Applied: g.replica.Applied(), Committed: g.replica.Committed(),
		Voters: m.Voters, Learners: m.Learners,
		// What a leader had found in its log was committed before it served.
		Settled: g.lead.leads() && !g.changing.Load(),
	}
	s.Sending = g.sending()
	s.Ails, s.Fetching, s.Verification = string(g.ailing()), g.fetched.get(), g.verification.get()
	if s.Last, s.LastTerm = g.replica.End(); g.ailing() == ailsLog {
		s.Last, s.LastTerm = g.had.Load(), 0
	}
	if heard := g.replica.Heard(); leader != g.hub.node.Name && !heard.IsZero() {
		s.HeardMs = uint64(max(1, time.Since(heard).Milliseconds()))
	}
	return s
}
