package nemesis

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"weir/deploy/internal/server"
	"weir/deploy/internal/wire"
)

// tenant is whom everything belongs to.
const tenant = "acme"

const (
	// startPatience bounds how long a region may take until it serves, on a busy machine.
	startPatience = 60 * time.Second
	// edges serve the clients.
	edges = 2
	// diskBytes is the size of a node's disk, where it has one of its own that can be filled.
	diskBytes = 512 << 20
)

// A region is one of hub nodes and edges, each a process. Its nodes reach each other over a wire that can be cut.
type region struct {
	t      *testing.T
	binary string
	dir    string
	wire   *wire.Wire
	nodes  []*node
	edges  []*edge
	shards int
	made   int // nodes that there have been, for the name of the next

	key   string // the operator's
	token string // of a user who may do everything
}

// A node is a hub node.
type node struct {
	region  *region
	name    string
	mesh    string // its name on the wire
	data    string
	config  string // file
	api     string // URL
	skew    time.Duration
	ownDisk bool
	log     *server.Tail
	server  *server.Server
	// inner are the addresses that it listens on, outer those that others use.
	inner, outer addresses
}

type addresses struct{ mesh, link, api, admin string }

// An edge is one that clients connect to.
type edge struct {
	name   string
	url    string
	log    *server.Tail
	server *server.Server
}

// startRegion starts nodes and edges and waits until they serve.
func startRegion(ctx context.Context, t *testing.T, binary string, seed uint64, nodes int) *region {
	t.Helper()
	r := &region{t: t, binary: binary, dir: t.TempDir(), wire: wire.New(seed), shards: 4}
	t.Cleanup(r.end)
	r.weir(ctx, "ca", "init", "--dir", r.ca())
	for range nodes {
		r.nodes = append(r.nodes, r.newNode(ctx))
	}
	for _, n := range r.nodes {
		r.configure(n, "peers:\n"+r.peers())
		r.must(n.start())
	}
	r.ready(ctx)
	r.found(ctx)
	for i := range edges {
		r.edges = append(r.edges, r.startEdge(ctx, fmt.Sprintf("edge-%d", i+1)))
	}
	return r
}

func (r *region) ca() string { return filepath.Join(r.dir, "ca") }

func (r *region) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// weir runs the command line.
func (r *region) weir(ctx context.Context, args ...string) string {
	r.t.Helper()
	out, err := r.tryWeir(ctx, args...)
	r.must(err)
	return out
}

func (r *region) tryWeir(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, r.binary, args...)
	cmd.Dir = r.dir
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("weir %s: %w\n%s", strings.Join(args, " "), err, complaints.String())
	}
	return strings.TrimSpace(string(out)), nil
}

// admin runs a command of the operator's, at a node that answers.
func (r *region) admin(ctx context.Context, args ...string) string {
	r.t.Helper()
	return r.weir(ctx, append(args, "--api", r.nodes[0].api, "--api-key", r.key)...)
}

// newNode makes a node that is not started: its folder, its certificate, its addresses.
func (r *region) newNode(ctx context.Context) *node {
	r.t.Helper()
	r.made++
	n := &node{region: r, name: fmt.Sprintf("hub-%d", r.made), log: &server.Tail{}}
	n.mesh, n.data = n.name, filepath.Join(r.dir, n.name)
	n.config = n.data + ".yaml"
	r.must(os.Mkdir(n.data, 0o700))
	r.mountDisk(n)
	for _, a := range []*string{&n.inner.mesh, &n.inner.link, &n.inner.api, &n.inner.admin} {
		free, err := server.FreeAddress()
		r.must(err)
		*a = free
	}
	n.outer = n.inner
	outer, err := r.wire.Station(n.mesh, netip.MustParseAddrPort(n.inner.mesh))
	r.must(err)
	n.outer.mesh = outer.String()
	n.api = "http://" + n.inner.api
	r.weir(ctx, "ca", "issue", "hub", n.name, "--dir", r.ca(), "--out", filepath.Join(n.data, "link"))
	n.server = &server.Server{
		Binary: r.binary, Args: []string{"hub", "--config", n.config}, Dir: r.dir, Admin: n.inner.admin, Log: n.log,
	}
	return n
}

// peers lists the nodes as their configuration does.
func (r *region) peers() string {
	var list strings.Builder
	for _, n := range r.nodes {
		fmt.Fprintf(&list, "  - {id: %s, mesh: %q, link: %q, api: %q}\n", n.name, n.outer.mesh, n.outer.link, n.api)
	}
	return list.String()
}

// configure writes a node's configuration.
func (r *region) configure(n *node, more string) {
	r.t.Helper()
	text := fmt.Sprintf("data: %q\nnode-id: %s\napi: %q\nlink: %q\nmesh: %q\nadmin: %q\nshards: %d\n%s",
		n.data, n.name, n.inner.api, n.inner.link, n.inner.mesh, n.inner.admin, r.shards, more)
	r.must(os.WriteFile(n.config, []byte(text), 0o600))
}

func (n *node) start() error {
	n.server.Env = []string{"WEIR_HUB_CLOCK_SKEW=" + n.skew.String()}
	return n.server.Start()
}

// ready waits until every node takes part in everything.
func (r *region) ready(ctx context.Context) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	for _, n := range r.nodes {
		if err := n.server.Ready(ctx); err != nil {
			r.t.Fatalf("%s: %v", n.name, err)
		}
	}
}

// found makes the tenant, its namespaces, its keys and a token.
func (r *region) found(ctx context.Context) {
	r.t.Helper()
	for _, n := range r.nodes {
		if key, err := os.ReadFile(filepath.Join(n.data, "admin.key")); err == nil {
			r.key = strings.TrimSpace(string(key))
		}
	}
	r.admin(ctx, "tenant", "create", tenant)
	// Nothing may come of age in a history that is compared with what was published.
	r.admin(ctx, "namespace", "create", "chat", "--tenant", tenant)
	r.admin(ctx, "namespace", "create", "board", "--kind", "state", "--tenant", tenant)
	key := filepath.Join(r.dir, "signing.jwk")
	r.must(os.WriteFile(key, []byte(r.admin(ctx, "key", "signing", "create", "--tenant", tenant)), 0o600))
	r.token = r.weir(ctx, "token", "--tenant", tenant, "--key-file", key, "--subject", "nemesis",
		"--subscribe", "*", "--publish", "*", "--ttl", "24h")
}

func (r *region) startEdge(ctx context.Context, name string) *edge {
	r.t.Helper()
	dir := filepath.Join(r.dir, name)
	r.weir(ctx, "ca", "issue", "edge", name, "--dir", r.ca(), "--out", dir)
	certificate, key := selfSigned(r.t, dir)
	listen, err := server.FreeAddress()
	r.must(err)
	admin, err := server.FreeAddress()
	r.must(err)
	e := &edge{name: name, url: "https://" + listen, log: &server.Tail{}}
	args := []string{
		"edge", "--link-identity", dir, "--listen", listen, "--admin", admin, "--cert", certificate, "--key", key,
		"--data", filepath.Join(dir, "data"), "--drain", "0s",
	}
	for _, n := range r.nodes {
		args = append(args, "--hub", n.outer.link)
	}
	e.server = &server.Server{Binary: r.binary, Args: args, Dir: r.dir, Admin: admin, Log: e.log}
	r.must(e.server.Start())
	waiting, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	r.must(e.server.Ready(waiting))
	return e
}

// replace gives a node up for good, and has a new one join in its place.
func (r *region) replace(ctx context.Context, i int) error {
	old := r.nodes[i]
	old.server.Kill()
	n := r.newNode(ctx)
	r.nodes[i] = n
	var join []string
	for j, other := range r.nodes {
		if j != i {
			join = append(join, fmt.Sprintf("%q", other.outer.mesh))
		}
	}
	r.configure(n, fmt.Sprintf("join: [%s]\nadvertise-mesh: %q\n", strings.Join(join, ", "), n.outer.mesh))
	if err := n.start(); err != nil {
		return err
	}
	// Whoever is asked may be without a leader yet.
	for {
		_, err := r.tryWeir(ctx, "hub", "replace", old.name, "--with", n.name, "--api", r.nodes[(i+1)%len(r.nodes)].api, "--api-key", r.key)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// end stops everything, and shows the logs of what failed.
func (r *region) end() {
	for _, n := range r.nodes {
		n.server.Kill()
		if r.t.Failed() {
			r.t.Logf("log of %s:\n%s", n.name, n.log)
		}
		r.unmountDisk(n)
	}
	for _, e := range r.edges {
		e.server.Kill()
		if r.t.Failed() {
			r.t.Logf("log of %s:\n%s", e.name, e.log)
		}
	}
	if err := r.wire.Close(); err != nil {
		r.t.Errorf("close the wire: %v", err)
	}
}
