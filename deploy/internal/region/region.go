// Package region runs a region, hub nodes and edges, as processes on 127.0.0.1, the way an operator would: with
// certificates of one authority, configuration files, and a tenant made by the command line.
package region

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"weir/deploy/internal/server"
	"weir/deploy/internal/wire"
	"weir/proto/weirpb/weirpbconnect"
)

// Tenant is whom everything belongs to. Its namespaces, beside default, are chat (log) and board (state).
const Tenant = "acme"

// startPatience bounds how long a process may take until it serves, on a busy machine.
const startPatience = 60 * time.Second

// Config says what to run. Binary, Dir and Nodes are required.
type Config struct {
	Binary string
	// Dir receives everything; it must exist.
	Dir string
	// Nodes and Edges are how many there are at first.
	Nodes, Edges int
	// Shards: 0 is weir's default.
	Shards int
	// Wire, if there is one, is what nodes reach each other over; they are its stations, by their names.
	Wire *wire.Wire
	// Prepare is told of each node's data folder before anything is in it, for instance to give it a disk. It may be nil.
	Prepare func(*Node) error
}

// A Region is a running region. Its methods are for one goroutine at a time.
type Region struct {
	cfg   Config
	Nodes []*Node
	Edges []*Edge
	made  int // nodes that there have been, for the name of the next

	// Key is the operator's API key, Token one of a user who may do everything.
	Key, Token string
}

// Start starts a region and waits until it serves. What has been started when it fails is stopped.
func Start(ctx context.Context, cfg Config) (*Region, error) {
	r := &Region{cfg: cfg}
	if err := r.start(ctx); err != nil {
		r.Stop()
		return nil, fmt.Errorf("start a region: %w\n%s", err, r.Logs())
	}
	return r, nil
}

func (r *Region) start(ctx context.Context) error {
	if _, err := r.Weir(ctx, "ca", "init", "--dir", r.ca()); err != nil {
		return err
	}
	for range r.cfg.Nodes {
		n, err := r.newNode(ctx)
		if err != nil {
			return err
		}
		r.Nodes = append(r.Nodes, n)
	}
	for _, n := range r.Nodes {
		if err := errors.Join(n.configure("peers:\n"+r.peers()), n.Start()); err != nil {
			return err
		}
	}
	if err := errors.Join(r.Ready(ctx), r.found(ctx)); err != nil {
		return err
	}
	for i := range r.cfg.Edges {
		if err := r.startEdge(ctx, fmt.Sprintf("edge-%d", i+1)); err != nil {
			return err
		}
	}
	return nil
}

func (r *Region) ca() string { return filepath.Join(r.cfg.Dir, "ca") }

// Weir runs the command line and returns what it prints.
func (r *Region) Weir(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, r.cfg.Binary, args...)
	cmd.Dir = r.cfg.Dir
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("weir %s: %w\n%s", strings.Join(args, " "), err, complaints.String())
	}
	return strings.TrimSpace(string(out)), nil
}

// Admin runs an operator's command against a node.
func (r *Region) Admin(ctx context.Context, n *Node, args ...string) (string, error) {
	return r.Weir(ctx, append(args, "--api", n.API, "--api-key", r.Key)...)
}

// Events returns an operator's client of a node's server API for events.
func (r *Region) Events(n *Node) weirpbconnect.EventServiceClient {
	return weirpbconnect.NewEventServiceClient(http.DefaultClient, n.API, server.Authorize(r.Key))
}

// found makes the tenant, its namespaces, its keys and a token.
func (r *Region) found(ctx context.Context) error {
	for _, n := range r.Nodes {
		if key, err := os.ReadFile(filepath.Join(n.Data, "admin.key")); err == nil {
			r.Key = strings.TrimSpace(string(key))
		}
	}
	signing := filepath.Join(r.cfg.Dir, "signing.jwk")
	for _, command := range [][]string{
		{"tenant", "create", Tenant},
		{"namespace", "create", "chat", "--tenant", Tenant},
		{"namespace", "create", "board", "--kind", "state", "--tenant", Tenant},
		{"key", "signing", "create", "--tenant", Tenant, "--out", signing},
	} {
		if _, err := r.Admin(ctx, r.Nodes[0], command...); err != nil {
			return err
		}
	}
	var err error
	r.Token, err = r.Weir(ctx, "token", "--tenant", Tenant, "--key-file", signing, "--subject", "everybody",
		"--subscribe", "*", "--publish", "*", "--ttl", "24h")
	return err
}

// Ready waits until every node takes part in everything.
func (r *Region) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for _, n := range r.Nodes {
		if err := n.Ready(ctx); err != nil {
			return fmt.Errorf("%s: %w", n.Name, err)
		}
	}
	return nil
}

// Join starts a new node that joins the region, and waits for nothing.
func (r *Region) Join(ctx context.Context) (*Node, error) {
	n, err := r.newNode(ctx)
	if err != nil {
		return nil, err
	}
	var join []string
	for _, other := range r.Nodes {
		join = append(join, fmt.Sprintf("%q", other.reached.mesh))
	}
	r.Nodes = append(r.Nodes, n)
	more := fmt.Sprintf("join: [%s]\nadvertise-mesh: %q\n", strings.Join(join, ", "), n.reached.mesh)
	return n, errors.Join(n.configure(more), n.Start())
}

// Replace gives a node up for good, has a new one join in its place, and waits until no group counts the old one any more:
// until then the region stands no other failure.
func (r *Region) Replace(ctx context.Context, i int) error {
	old := r.Nodes[i]
	old.Kill()
	r.Nodes = slices.Delete(r.Nodes, i, i+1)
	n, err := r.Join(ctx)
	if err != nil {
		return err
	}
	if err := repeat(ctx, func() error { // whoever is asked may be without a leader yet, or not have heard of the new node
		_, err := r.Admin(ctx, r.Nodes[0], "hub", "replace", old.Name, "--with", n.Name)
		return err
	}); err != nil {
		return err
	}
	return repeat(ctx, func() error { return r.without(ctx, old.Name) })
}

// Logs returns the ends of what all processes have printed.
func (r *Region) Logs() string {
	var all strings.Builder
	for _, n := range r.Nodes {
		fmt.Fprintf(&all, "--- %s\n%s", n.Name, n.Log)
	}
	for _, e := range r.Edges {
		fmt.Fprintf(&all, "--- %s\n%s", e.Name, e.Log)
	}
	return all.String()
}

// Stop kills everything.
func (r *Region) Stop() {
	for _, e := range r.Edges {
		e.Kill()
	}
	for _, n := range r.Nodes {
		n.Kill()
	}
}
