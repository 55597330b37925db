package hub

import (
	"context"
	"testing"

	"weir/proto/fault"
	"weir/proto/linkpb"
)

func TestWatchRoutes(t *testing.T) {
	h := openHub(t, Config{NodeID: "hub-7", Advertise: Addresses{Link: "127.0.0.1:1"}})
	tables := make(chan *linkpb.Routes, 1)
	ended := make(chan error, 1)
	go func() {
		ended <- h.WatchRoutes(context.Background(), func(r *linkpb.Routes) error { tables <- r; return nil })
	}()
	r := <-tables
	for len(r.GetRoutes()) <= int(r.GetShards()) { // it is told of each lead that the node takes
		r = <-tables
	}
	if r.GetShards() == 0 || len(r.GetRoutes()) != int(r.GetShards())+1 || r.GetSelf() != "hub-7" {
		t.Errorf("the table is %v", r)
	}
	for g, route := range r.GetRoutes() {
		if route.GetGroup() != uint32(g) || route.GetNode() != "hub-7" || route.GetTerm() == 0 {
			t.Errorf("route %d is %v", g, route)
		}
	}
	if n := r.GetNodes(); len(n) != 1 || n[0].GetLink() != "127.0.0.1:1" || !n[0].GetVoter() {
		t.Errorf("the nodes are %v", n)
	}
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; fault.CodeOf(err) != fault.Unavailable {
		t.Errorf("it ends with %v", err)
	}
}
