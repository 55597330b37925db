package gateway_test

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"weir/hub"
	"weir/hub/gateway"
	"weir/hub/hubclient"
	"weir/hub/internal/linktest"
	"weir/hub/internal/simnet"
	linkserver "weir/hub/link"
)

// A realRegion is three real hub nodes: Raft over a simulated network, the hub link over loopback.
type realRegion struct {
	t        *testing.T
	net      *simnet.Network
	dir      string
	identity *identity
	peers    []hub.Peer
	sockets  map[string]net.PacketConn
	nodes    map[string]*realNode
	// accepted counts the publications of load.
	accepted atomic.Int64
}

type realNode struct {
	hub     *hub.Hub
	gateway *gateway.Gateway
	client  *hubclient.Client
	stop    func()
}

func newRealRegion(t *testing.T) *realRegion {
	t.Helper()
	r := &realRegion{
		t: t, net: simnet.New(), dir: t.TempDir(), sockets: map[string]net.PacketConn{}, nodes: map[string]*realNode{},
	}
	var err error
	if r.identity, err = linkIdentity(r.dir); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		name := fmt.Sprint("hub-", i+1)
		socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		r.sockets[name] = socket
		r.peers = append(r.peers, hub.Peer{ID: name, Addresses: hub.Addresses{Mesh: name, Link: socket.LocalAddr().String(), API: "http://" + name}})
	}
	for _, p := range r.peers {
		r.start(p)
	}
	t.Cleanup(r.close)
	for name, n := range r.nodes {
		if err := n.hub.Ready(t.Context()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return r
}

// start starts a node.
func (r *realRegion) start(p hub.Peer) {
	r.t.Helper()
	h, err := hub.Open(context.Background(), hub.Config{
		Dir: filepath.Join(r.dir, p.ID), NodeID: p.ID, Logger: quiet, Shards: 2, Peers: r.peers, Advertise: p.Addresses,
		Connect: func(func(string) (string, bool)) (hub.Transport, error) { return r.net.Node(p.ID), nil },
	})
	if err != nil {
		r.t.Fatal(err)
	}
	answer := gateway.Answer(h)
	server, err := linkserver.New(linkserver.Config{Hub: h, Identity: r.identity.Identity, Node: p.ID, Logger: quiet, Call: answer})
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, linktest.Socket{PacketConn: r.sockets[p.ID]}) }()
	client, err := hubclient.New(hubclient.Config{
		TLS: r.identity.client(), Logger: quiet, Local: &hubclient.Local{Node: p.ID, Hub: h, Answer: answer},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.nodes[p.ID] = &realNode{hub: h, client: client, gateway: gateway.New(h, client), stop: func() {
		_ = client.Close()
		stop()
		if err := <-ended; err != nil {
			r.t.Error(err)
		}
		if err := h.Close(); err != nil {
			r.t.Error(err)
		}
	}}
}

func (r *realRegion) close() {
	r.net.Heal()
	for _, n := range r.nodes {
		n.stop()
	}
	for _, s := range r.sockets {
		_ = s.Close()
	}
}

// leaderOf waits until a node leads the channel's shard, and returns it and the others.
func (r *realRegion) leaderOf(channel string) (leader hub.Peer, others []string) {
	r.t.Helper()
	r.eventually(func() bool {
		others = nil
		for _, p := range r.peers {
			if n := r.nodes[p.ID]; n != nil && n.hub.Leads("acme", channel, 0) == nil {
				leader = p
			} else {
				others = append(others, p.ID)
			}
		}
		return leader.ID != ""
	})
	return leader, others
}

// eventually waits until holds.
func (r *realRegion) eventually(holds func() bool) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), time.Minute)
	defer cancel()
	for !holds() {
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			r.t.Fatal("waited in vain")
		}
	}
}

// goOn waits until that many more publications have been accepted.
func (r *realRegion) goOn(more int64) {
	r.t.Helper()
	want := r.accepted.Load() + more
	r.eventually(func() bool { return r.accepted.Load() >= want })
}

// edge connects as an edge that knows of one node alone.
func (r *realRegion) edge() *hubclient.Client {
	r.t.Helper()
	client, err := hubclient.New(hubclient.Config{
		Addrs: []string{r.peers[0].Addresses.Link}, TLS: r.identity.client(), Logger: quiet, Timeout: time.Minute,
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = client.Close() })
	return client
}
