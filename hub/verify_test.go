package hub

import (
	"context"
	"errors"
	"testing"

	"google.golang.org/protobuf/proto"

	"weir/proto/fault"
	"weir/proto/meshpb"
)

// termFrom has a follower answer in which term it is.
func (c *cluster) termFrom(follower string, answer func() (uint64, error)) {
	c.net.Node(follower).Handle(methodTerm, func(context.Context, string, []byte) ([]byte, error) {
		term, err := answer()
		if err != nil {
			return nil, err
		}
		return proto.Marshal(&meshpb.Term{Term: term})
	})
}

// led returns a region's leader's group for a shard, and the other nodes.
func led(c *cluster) (g *group, others []string) {
	leader := c.leaderOf("chat:a")
	for _, name := range c.names() {
		if name != leader.node.Name {
			others = append(others, name)
		}
	}
	return chatGroup(leader), others
}

// TestVerifyTakesAMajorityInTheTerm has followers answer that they are in another term, or not at all.
func TestVerifyTakesAMajorityInTheTerm(t *testing.T) {
	c := newCluster(t, 3, 1)
	c.startAll()
	c.withTenant()
	g, others := led(c)
	if err := g.verify(testContext(t)); err != nil {
		t.Fatalf("by what the others answer by themselves: %v", err)
	}
	term := g.replica.Term()
	same := func() (uint64, error) { return term, nil }
	later := func() (uint64, error) { return term + 1, nil }
	empty := func() (uint64, error) { return 0, nil }
	silent := func() (uint64, error) { return 0, errors.New("not today") }
	for called, test := range map[string]struct {
		first, second func() (uint64, error)
		leads         bool
	}{
		"both":                    {same, same, true},
		"one, and one is silent":  {same, silent, true},
		"one, and one is ahead":   {later, same, true},
		"none, both are ahead":    {later, later, false},
		"none, both are silent":   {silent, silent, false},
		"none, one begins anew":   {empty, later, false},
		"none, both begin anew":   {empty, empty, false},
		"none, of different kind": {silent, later, false},
	} {
		c.termFrom(others[0], test.first)
		c.termFrom(others[1], test.second)
		switch err := g.verify(testContext(t)); {
		case test.leads && err != nil, !test.leads && fault.CodeOf(err) != fault.NotLeader:
			t.Errorf("%s: %v", called, err)
		}
	}
}

// TestVerifyAsksAfterTheCall has a follower hear of another term between two calls, the second of which is made while the
// first is still being answered.
func TestVerifyAsksAfterTheCall(t *testing.T) {
	c := newCluster(t, 3, 1)
	c.startAll()
	c.withTenant()
	g, others := led(c)
	term := g.replica.Term()
	asked, answers := make(chan struct{}, 4), make(chan uint64)
	answer := func() (uint64, error) {
		asked <- struct{}{}
		return <-answers, nil
	}
	c.termFrom(others[0], answer)
	c.termFrom(others[1], answer)
	first, second := make(chan error, 1), make(chan error, 1)
	go func() { first <- g.verify(testContext(t)) }()
	<-asked
	<-asked
	go func() { second <- g.verify(testContext(t)) }()
	answers <- term
	answers <- term
	if err := <-first; err != nil {
		t.Error(err)
	}
	answers <- term + 1
	answers <- term + 1
	if err := <-second; fault.CodeOf(err) != fault.NotLeader {
		t.Errorf("answered by what was asked before it: %v", err)
	}
}

// TestVerifyWantsTheTermInWhichItCaughtUp has a node be elected anew, which it has to catch up for, while somebody waits who asked in
// its earlier term.
func TestVerifyWantsTheTermInWhichItCaughtUp(t *testing.T) {
	c := newCluster(t, 3, 1)
	c.startAll()
	c.withTenant()
	g, others := led(c)
	term := g.replica.Term()
	for _, other := range others {
		c.termFrom(other, func() (uint64, error) { return term, nil })
	}
	g.lead.set(term - 1)
	defer g.lead.set(term)
	if err := g.verify(testContext(t)); fault.CodeOf(err) != fault.NotLeader {
		t.Errorf("in a later term than it serves in: %v", err)
	}
	g.lead.set(0)
	if err := g.verify(testContext(t)); fault.CodeOf(err) != fault.NotLeader {
		t.Errorf("before it has caught up: %v", err)
	}
}
