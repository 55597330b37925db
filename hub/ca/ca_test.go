package ca_test

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"weir/hub/ca"
)

func TestNames(t *testing.T) {
	for _, good := range []string{"hub-1", "a", "Edge_fra.1", strings.Repeat("x", 63)} {
		if err := ca.CheckNode(good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{"", "-hub", "hub 1", "hub/1", "höb", strings.Repeat("x", 64), "."} {
		if err := ca.CheckNode(bad); err == nil {
			t.Errorf("%q passes for the name of a node", bad)
		}
	}
	for uri, want := range map[string]ca.Name{
		"weir://hub/hub-1":      {Role: ca.Hub, Node: "hub-1"},
		"weir://edge/edge-fra":  {Role: ca.Edge, Node: "edge-fra"},
		"weir://root/hub-1":     {},
		"weir://hub/":           {},
		"weir://hub/a/b":        {},
		"weir://hub/hub-1?x=1":  {},
		"weir://hub:1/hub-1":    {},
		"https://hub/hub-1":     {},
		"weir://hub/hub%2d1":    {},
		"weir://x@hub/hub-1":    {},
		"weir://hub/hub-1#part": {},
	} {
		parsed, err := url.Parse(uri)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ca.NameOf(&x509.Certificate{URIs: []*url.URL{parsed}})
		if got != want || (err == nil) != (want != ca.Name{}) || err != nil && !errors.Is(err, ca.ErrRole) {
			t.Errorf("%s: %v, %v", uri, got, err)
		}
	}
}

func TestWhoIsBelieved(t *testing.T) {
	dir := t.TempDir()
	ours, err := ca.Create(dir+"/ours", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := ca.Create(dir+"/theirs", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	issue(t, ours, dir+"/hub-1", "hub", "hub-1", time.Hour)
	issue(t, ours, dir+"/hub-2", "hub", "hub-2", time.Hour)
	issue(t, ours, dir+"/edge", "edge", "edge-fra-1", time.Hour)
	issue(t, theirs, dir+"/stranger", "hub", "hub-2", time.Hour)
	issue(t, ours, dir+"/expired", "hub", "hub-2", -time.Minute)
	if _, err := ours.Issue(dir+"/early", ca.Request{Name: ca.Name{Role: ca.Hub, Node: "hub-2"}, Life: time.Hour}, time.Now().Add(2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	hub := open(t, dir+"/hub-1", ca.Hub)
	mesh, link := hub.Server("x/1", ca.Hub), hub.Server("x/1", ca.Hub, ca.Edge)
	hub1 := ca.Name{Role: ca.Hub, Node: "hub-1"}
	for _, test := range []struct {
		name   string
		dir    string
		role   ca.Role
		want   ca.Name
		server *tls.Config
		refuse error // by the server
		reject error // by the client
	}{
		{"another hub", "/hub-2", ca.Hub, hub1, mesh, nil, nil},
		{"any hub is wanted", "/hub-2", ca.Hub, ca.Name{Role: ca.Hub}, mesh, nil, nil},
		{"another hub is wanted", "/hub-2", ca.Hub, ca.Name{Role: ca.Hub, Node: "hub-3"}, mesh, nil, ca.ErrNode},
		{"an edge is wanted", "/hub-2", ca.Hub, ca.Name{Role: ca.Edge}, mesh, nil, ca.ErrRole},
		{"an edge", "/edge", ca.Edge, hub1, link, nil, nil},
		{"an edge among hubs", "/edge", ca.Edge, hub1, mesh, ca.ErrRole, nil},
		{"another region's", "/stranger", ca.Hub, hub1, mesh, nil, ca.ErrAuthority},
		{"expired", "/expired", ca.Hub, hub1, mesh, ca.ErrExpired, nil},
		{"not yet valid", "/early", ca.Hub, hub1, mesh, ca.ErrNotYetValid, nil},
	} {
		got := shake(t, open(t, dir+test.dir, test.role).Client("x/1", test.want), test.server)
		switch {
		case test.reject != nil:
			if !errors.Is(got.client, test.reject) {
				t.Errorf("%s: the client says %v, want %v", test.name, got.client, test.reject)
			}
		case test.refuse != nil:
			if !errors.Is(got.server, test.refuse) || got.client == nil {
				t.Errorf("%s: the server says %v, want %v; the client %v", test.name, got.server, test.refuse, got.client)
			}
		case got.client != nil || got.server != nil || got.peer.Role != test.role:
			t.Errorf("%s: %+v", test.name, got)
		}
	}
}

func TestErrorsHaveHints(t *testing.T) {
	dir := t.TempDir()
	_, err := ca.Load(dir)
	var e *ca.Error
	if !errors.As(err, &e) || !strings.Contains(e.Hint, "weir ca init") {
		t.Errorf("Load of nothing: %v", err)
	}
	a, err := ca.Create(dir, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ca.Create(dir, time.Now()); !errors.As(err, &e) || e.Hint == "" {
		t.Errorf("Create again: %v", err)
	}
	if err := a.FinishRotation(); !errors.As(err, &e) || e.Hint == "" {
		t.Errorf("FinishRotation of none: %v", err)
	}
	for _, name := range []ca.Name{{Role: "router", Node: "x"}, {Role: ca.Hub, Node: "hub 1"}} {
		if _, err := a.Issue(dir, ca.Request{Name: name, Life: time.Hour}, time.Now()); !errors.As(err, &e) || e.Hint == "" {
			t.Errorf("Issue %v: %v", name, err)
		}
	}
	if _, err := a.Issue(dir, ca.Request{Name: ca.Name{Role: ca.Hub, Node: "a"}, Life: time.Hour}, time.Now().AddDate(11, 0, 0)); !errors.Is(err, ca.ErrExpired) {
		t.Errorf("Issue by an expired authority: %v", err)
	}
}
