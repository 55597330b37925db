package cli

import (
	"os"
	"path/filepath"
	"testing"

	"weir/hub"
)

func TestHubPeers(t *testing.T) {
	var p hubPeer
	if err := p.UnmarshalText([]byte("id=hub-1, mesh=10.0.0.1:8447,api=https://a:8444")); err != nil {
		t.Fatal(err)
	}
	want := hub.Peer{ID: "hub-1", Addresses: hub.Addresses{Mesh: "10.0.0.1:8447", API: "https://a:8444"}}
	if hub.Peer(p) != want {
		t.Errorf("read is %+v", p)
	}
	for _, text := range []string{"", "hub-1", "id=hub-1", "mesh=a:1", "id=a,id=b,mesh=c:1", "id=,mesh=a:1", "id=a,mesh=b:1,port=1"} {
		if err := p.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken for %+v", text, p)
		}
	}
}

func TestHubConfigurationHasPeers(t *testing.T) {
	file := filepath.Join(t.TempDir(), "hub.yaml")
	text := "data: x\nnode-id: hub-2\npeers:\n  - {id: hub-1, mesh: 'a:1', link: 'a:2'}\n  - {id: hub-2, mesh: 'b:1'}\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var g grammar
	parser, err := newParser(&g, newConsole(os.Stdin, os.Stdout, os.Stderr))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := parse(parser, []string{"hub", "--config", file}); err != nil {
		t.Fatal(err)
	}
	run := g.Hub.Run
	if len(run.Peers) != 2 || run.Peers[0].Link != "a:2" || run.Peers[1].Mesh != "b:1" || run.NodeID != "hub-2" {
		t.Errorf("the settings are %+v", run)
	}
	if err := run.check(); err != nil {
		t.Error(err)
	}
	run.NodeID = "hub-3"
	if err := run.check(); err == nil {
		t.Error("a node that is not among the peers is let pass")
	}
}
