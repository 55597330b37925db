package hub

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"weir/hub/internal/simnet"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

// A cluster is a region in this process.
type cluster struct {
	t      testing.TB
	net    *simnet.Network
	dir    string
	peers  []Peer
	shards int
	// segmentBytes is the size of the files of shards' logs. 0: as in earnest.
	segmentBytes int
	// trailing entries stay in a log behind a snapshot. 0: as in earnest.
	trailing uint64
	// wires joins the nodes over QUIC. nil: c.net does.
	wires *wires

	mu    sync.Mutex
	nodes map[string]*Hub // those that run; changed by the test's own goroutine alone, with mu
}

// newCluster makes a region of n nodes, none of which is started.
func newCluster(t testing.TB, n, shards int) *cluster {
	c := &cluster{t: t, net: simnet.New(), dir: t.TempDir(), shards: shards, nodes: map[string]*Hub{}}
	for i := range n {
		c.peers = append(c.peers, Peer{ID: fmt.Sprintf("hub-%d", i+1)})
	}
	for i := range c.peers {
		c.peers[i].Addresses = c.addresses(c.peers[i].ID)
	}
	t.Cleanup(c.close)
	return c
}

// addresses are what a node says of itself; the network goes by names.
func (c *cluster) addresses(name string) Addresses {
	if c.wires != nil {
		return Addresses{Mesh: c.wires.relay(name), Link: name + ":1", API: "http://" + name}
	}
	return Addresses{Mesh: name, Link: name + ":1", API: "http://" + name}
}

func (c *cluster) config(name string) Config {
	return Config{
		Dir: filepath.Join(c.dir, name), NodeID: name, Logger: testLogger().With("node", name), Shards: c.shards, Peers: c.peers,
		Advertise: c.addresses(name), Connect: c.connect(name), surveyEvery: 100 * time.Millisecond,
		segmentBytes: c.segmentBytes, trailing: c.trailing,
	}
}

func (c *cluster) connect(name string) func(func(string) (string, bool)) (Transport, error) {
	if c.wires != nil {
		return c.wires.connect(name, name)
	}
	return func(func(string) (string, bool)) (Transport, error) { return c.net.Node(name), nil }
}

// start starts a node, without waiting for the others.
func (c *cluster) start(name string) *Hub {
	c.t.Helper()
	h, err := Open(context.Background(), c.config(name))
	if err != nil {
		c.t.Fatal(err)
	}
	c.set(name, h)
	return h
}

// set notes that a node runs, or with nil that it does not.
func (c *cluster) set(name string, h *Hub) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h == nil {
		delete(c.nodes, name)
		return
	}
	c.nodes[name] = h
}

// startAll starts all nodes and waits until they are ready.
func (c *cluster) startAll() {
	c.t.Helper()
	for _, p := range c.peers {
		c.start(p.ID)
	}
	c.ready()
}

// ready waits until all nodes that run are.
func (c *cluster) ready() {
	c.t.Helper()
	for name, h := range c.nodes {
		if err := h.Ready(testContext(c.t)); err != nil {
			c.t.Fatalf("%s: %v", name, err)
		}
	}
}

func (c *cluster) stop(name string) {
	c.t.Helper()
	h := c.nodes[name]
	c.set(name, nil)
	if err := h.Close(); err != nil {
		c.t.Errorf("%s: %v", name, err)
	}
}

// close stops the nodes all at once, as people do.
func (c *cluster) close() {
	c.net.Heal()
	for _, name := range c.names() {
		c.stop(name)
	}
}

// names lists the nodes that run.
func (c *cluster) names() []string {
	var all []string
	for name := range c.nodes {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// eventually calls holds until it is true.
func (c *cluster) eventually(what string, holds func() bool) {
	c.t.Helper()
	ctx := testContext(c.t)
	for !holds() {
		select {
		case <-ctx.Done():
			c.t.Fatalf("waited in vain for: %s", what)
		case <-time.After(time.Millisecond):
		}
	}
}

// retried calls do with one node after another until one of them takes the request.
func (c *cluster) retried(what string, do func(h *Hub) error) {
	c.t.Helper()
	var last error
	c.eventually(what, func() bool {
		for _, name := range c.names() {
			err := do(c.nodes[name])
			if err == nil {
				return true
			}
			last = err
			if !fault.From(err).Code.Retryable() {
				c.t.Fatalf("%s at %s: %v", what, name, last)
			}
		}
		return false
	})
}

// withTenant creates the tenant "acme" with the namespaces "default" (log), "chat" (log), "map" (state).
func (c *cluster) withTenant() {
	c.t.Helper()
	ctx := testContext(c.t)
	c.retried("create the tenant", func(h *Hub) error {
		_, err := h.CreateTenant(ctx, &weirpb.CreateTenantRequest{Name: "acme"})
		return err
	})
	for _, n := range []*weirpb.Namespace{
		{Tenant: "acme", Name: "chat"}, {Tenant: "acme", Name: "map", Kind: weirpb.ChannelKind_CHANNEL_KIND_STATE},
	} {
		c.retried("create a namespace", func(h *Hub) error {
			_, err := h.PutNamespace(ctx, &weirpb.PutNamespaceRequest{Namespace: n})
			return err
		})
	}
}

// publish publishes through whoever leads, until it is acknowledged.
func (c *cluster) publish(p *weirpb.Publication) *weirpb.Receipt {
	c.t.Helper()
	var receipt *weirpb.Receipt
	c.retried("publish", func(h *Hub) (err error) {
		receipt, err = publish(c.t, h, p)
		return err
	})
	return receipt
}

// leaderOf returns the node that serves a channel, nil if there is none now.
func (c *cluster) leaderOf(channel string) *Hub {
	for _, h := range c.nodes {
		if h.Leads("acme", channel, 0) == nil {
			return h
		}
	}
	return nil
}
