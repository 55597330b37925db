package routing_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/hub/internal/routing"
	"weir/proto/linkpb"
)

func table(self string, routes ...*linkpb.Route) *linkpb.Routes {
	return &linkpb.Routes{
		Shards: 4, Self: self, Routes: routes,
		Nodes: []*linkpb.Node{{Id: "a", Link: self + " knows a"}, {Id: "b", Link: self + " knows b"}},
	}
}

func route(group uint32, node string, term uint64) *linkpb.Route {
	return &linkpb.Route{Group: group, Node: node, Term: term}
}

func TestTheLatestTermIsRight(t *testing.T) {
	r := routing.New()
	if node, _ := r.Leader(1); node != "" || r.Shards() != 0 || len(r.Addresses()) != 0 {
		t.Errorf("nobody has said anything, yet %q leads", node)
	}
	r.Learn("a", table("a", route(1, "a", 3)))
	r.Learn("b", table("b", route(1, "b", 4)))
	for _, want := range []struct {
		node string
		term uint64
	}{{"b", 4}, {"a", 3}} {
		if node, term := r.Leader(1); node != want.node || term != want.term {
			t.Errorf("%q leads in term %d, want %q in %d", node, term, want.node, want.term)
		}
		r.Forget("b")
	}
	if node, _ := r.Leader(2); node != "" || r.Shards() != 4 {
		t.Errorf("%q leads group 2 of %d", node, r.Shards())
	}
}

func TestANodeIsRightAboutItself(t *testing.T) {
	r := routing.New()
	r.Learn("a", table("a"))
	r.Learn("b", table("b"))
	want := map[string]string{"a": "a knows a", "b": "b knows b"}
	if diff := cmp.Diff(want, r.Addresses()); diff != "" {
		t.Error(diff)
	}
	r.Forget("a")
	r.Forget("b")
	if diff := cmp.Diff(want, r.Addresses()); diff != "" {
		t.Errorf("when all are lost: %s", diff)
	}
}
