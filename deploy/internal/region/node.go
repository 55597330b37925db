package region

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"weir/deploy/internal/server"
)

// A Node is a hub node.
type Node struct {
	*server.Server
	Name string
	// Data is its data folder, API the URL of its server API.
	Data, API string
	// Skew is how wrong its clock is from its next start on.
	Skew time.Duration
	Log  *server.Tail

	file    string // its configuration
	shards  int
	listens addresses
	reached addresses // by others
}

type addresses struct{ mesh, link, api string }

// LinkAddress is where edges reach the node.
func (n *Node) LinkAddress() string { return n.reached.link }

// newNode makes a node that is not started: its folder, its certificate, its addresses.
func (r *Region) newNode(ctx context.Context) (*Node, error) {
	r.made++
	n := &Node{Name: fmt.Sprintf("hub-%d", r.made), Log: &server.Tail{}, shards: r.cfg.Shards}
	n.Data = filepath.Join(r.cfg.Dir, n.Name)
	n.file = n.Data + ".yaml"
	if err := os.Mkdir(n.Data, 0o700); err != nil {
		return nil, err
	}
	if r.cfg.Prepare != nil {
		if err := r.cfg.Prepare(n); err != nil {
			return nil, err
		}
	}
	var admin string
	for _, a := range []*string{&n.listens.mesh, &n.listens.link, &n.listens.api, &admin} {
		free, err := server.FreeAddress()
		if err != nil {
			return nil, err
		}
		*a = free
	}
	n.reached, n.API = n.listens, "http://"+n.listens.api
	if r.cfg.Wire != nil {
		outer, err := r.cfg.Wire.Station(n.Name, netip.MustParseAddrPort(n.listens.mesh))
		if err != nil {
			return nil, err
		}
		n.reached.mesh = outer.String()
	}
	n.Server = &server.Server{
		Binary: r.cfg.Binary, Args: []string{"hub", "--config", n.file}, Dir: r.cfg.Dir, Admin: admin, Log: n.Log,
	}
	_, err := r.Weir(ctx, "ca", "issue", "hub", n.Name, "--dir", r.ca(), "--out", filepath.Join(n.Data, "link"))
	return n, err
}

// Start starts the node.
func (n *Node) Start() error {
	n.Env = []string{"WEIR_HUB_CLOCK_SKEW=" + n.Skew.String()}
	return n.Server.Start()
}

// configure writes the node's configuration; more are lines of it.
func (n *Node) configure(more string) error {
	if n.shards > 0 {
		more = fmt.Sprintf("shards: %d\n%s", n.shards, more)
	}
	text := fmt.Sprintf("data: %q\nnode-id: %s\napi: %q\nlink: %q\nmesh: %q\nadmin: %q\n%s",
		n.Data, n.Name, n.listens.api, n.listens.link, n.listens.mesh, n.Admin, more)
	return os.WriteFile(n.file, []byte(text), 0o600)
}

// peers lists the nodes as their configuration does.
func (r *Region) peers() string {
	var list strings.Builder
	for _, n := range r.Nodes {
		fmt.Fprintf(&list, "  - {id: %s, mesh: %q, link: %q, api: %q}\n", n.Name, n.reached.mesh, n.reached.link, n.API)
	}
	return list.String()
}
