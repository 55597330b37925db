package ca_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"weir/hub/ca"
	"weir/hub/hubclient"
	"weir/hub/internal/linktest"
	"weir/hub/internal/mesh"
	"weir/hub/link"
	"weir/proto/producer"
	"weir/proto/weirpb"
)

// A rotating is a region of two hub nodes and an edge, whose authority is replaced while they talk, in virtual time.
type rotating struct {
	t         *testing.T
	dir       string
	sockets   []net.PacketConn // of the simulated network, that nobody has yet
	authority *ca.Authority
	nodes     map[string]*ca.Identity // by folder
	addrs     map[string]string       // of the meshes, by node; and "link"
	calls     atomic.Int64            // that were answered
	published atomic.Int64            // with a receipt
}

func (r *rotating) folder(name string) string { return filepath.Join(r.dir, name) }

// issue makes a certificate for a node, or a new one.
func (r *rotating) issue(role ca.Role, name string) {
	r.t.Helper()
	issue(r.t, r.authority, r.folder(name), string(role), name, time.Hour)
	if r.nodes[name] == nil {
		r.nodes[name] = open(r.t, r.folder(name), role)
	}
}

// socket returns one that nobody has yet.
func (r *rotating) socket() net.PacketConn {
	next := r.sockets[0]
	r.sockets = r.sockets[1:]
	return next
}

// serve runs something until the test ends.
func (r *rotating) serve(name string, serve func(context.Context, net.PacketConn) error) {
	r.t.Helper()
	socket := r.socket()
	r.addrs[name] = socket.LocalAddr().String()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- serve(ctx, socket) }()
	r.t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			r.t.Error(err)
		}
	})
}

func (r *rotating) mesh(node string) *mesh.Mesh {
	r.t.Helper()
	m, err := mesh.New(mesh.Config{
		Node: node, Identity: r.nodes[node], Logger: quiet,
		Address: func(node string) (string, bool) { addr, ok := r.addrs[node]; return addr, ok },
	})
	if err != nil {
		r.t.Fatal(err)
	}
	m.Handle("echo", func(_ context.Context, _ string, request []byte) ([]byte, error) { return request, nil })
	r.serve(node, m.Serve)
	return m
}

func (r *rotating) edge() *hubclient.Client {
	r.t.Helper()
	client, err := hubclient.New(hubclient.Config{
		Addrs: []string{r.addrs["link"]}, TLS: link.ClientTLS(r.nodes["edge-1"]), Logger: quiet,
		Listen: func() (net.PacketConn, error) { return r.socket(), nil },
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return client
}

// traffic talks over the mesh and the link until ctx ends. Nothing of it may fail.
func (r *rotating) traffic(ctx context.Context, from *mesh.Mesh, edge *hubclient.Client) {
	calling := make(chan struct{})
	go func() {
		defer close(calling)
		for ctx.Err() == nil {
			if _, err := from.Call(context.Background(), "hub-2", "echo", []byte("x")); err != nil {
				r.t.Errorf("a call over the mesh fails: %v", err)
				return
			}
			r.calls.Add(1)
		}
	}()
	identity := producer.New(time.Now(), rand.Reader)
	for i := uint64(1); ctx.Err() == nil; i++ {
		answered := make(chan error, 1)
		edge.Publish("acme", &weirpb.Publication{Channel: "feed", Payload: fmt.Append(nil, i), Producer: identity, Sequence: i},
			func(_ *weirpb.Receipt, err error) { answered <- err })
		if err := <-answered; err != nil {
			r.t.Errorf("a publication fails: %v", err)
			break
		}
		r.published.Add(1)
	}
	<-calling
}

// newcomers connect anew, with what all have by now, while the others go on.
func (r *rotating) newcomers(step string, from *mesh.Mesh) {
	r.t.Helper()
	if _, _, err := from.CallAddress(r.t.Context(), r.addrs["hub-2"], "echo", nil); err != nil {
		r.t.Errorf("%s: a new connection of the mesh: %v", step, err)
	}
	edge := r.edge()
	if err := edge.Ready(r.t.Context()); err != nil {
		r.t.Errorf("%s: a new edge: %v", step, err)
	}
	_ = edge.Close()
	calls, published := r.calls.Load(), r.published.Load()
	for deadline := time.Now().Add(5 * time.Second); r.calls.Load() < calls+10 || r.published.Load() < published+10; {
		if time.Now().After(deadline) {
			r.t.Fatalf("%s: traffic has stopped", step)
		}
		if _, err := from.Call(r.t.Context(), "hub-2", "echo", nil); err != nil {
			r.t.Fatalf("%s: %v", step, err)
		}
	}
}

// An authority is replaced under a live mesh and a live link. Nothing fails, and whoever connects anew between any two
// steps is let in.
func TestRotationUnderTraffic(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) { rotate(t, dir) })
}

// Sockets of the two meshes and the link, and of an edge before and at each of the nine changes.
const rotatingSockets = 3 + 1 + 9

func rotate(t *testing.T, dir string) {
	network, sockets, spare := linktest.NewRegionNetwork(t, rotatingSockets)
	t.Cleanup(func() {
		if err := network.Close(); err != nil {
			t.Error(err)
		}
		for _, s := range append(sockets, spare) {
			_ = s.Close()
		}
	})
	r := &rotating{t: t, dir: dir, sockets: sockets, nodes: map[string]*ca.Identity{}, addrs: map[string]string{}}
	var err error
	if r.authority, err = ca.Create(r.folder("ca"), time.Now()); err != nil {
		t.Fatal(err)
	}
	r.issue(ca.Hub, "hub-1")
	r.issue(ca.Hub, "hub-2")
	r.issue(ca.Edge, "edge-1")
	first := r.mesh("hub-1")
	r.mesh("hub-2")
	identity, err := link.NewIdentity(r.nodes["hub-1"])
	if err != nil {
		t.Fatal(err)
	}
	server, err := link.New(link.Config{Hub: &linktest.Hub{}, Identity: identity, Node: "hub-1", Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	r.serve("link", server.Serve)
	edge := r.edge()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); r.traffic(ctx, first, edge) }()

	all := []string{"hub-1", "hub-2", "edge-1"}
	for _, step := range []struct {
		name string
		do   func(node string)
	}{
		{"begin", nil},
		{"trust both", func(node string) { spread(t, r.folder("ca"), r.folder(node)) }},
		{"issue", func(node string) { r.issue(r.nodes[node].Name().Role, node) }},
		{"finish", nil},
		{"trust the new one alone", func(node string) { spread(t, r.folder("ca"), r.folder(node)) }},
	} {
		switch step.name {
		case "begin":
			err = r.authority.BeginRotation(time.Now())
		case "finish":
			err = r.authority.FinishRotation()
		}
		if err != nil {
			t.Fatal(err)
		}
		if step.do == nil { // nobody has anything new yet
			continue
		}
		for _, node := range all { // one after the other
			step.do(node)
			if err := r.nodes[node].Reload(); err != nil {
				t.Fatal(err)
			}
			r.newcomers(step.name+" at "+node, first)
		}
	}
	stop()
	<-done
	_ = edge.Close()
	t.Logf("%d calls and %d publications, none failed", r.calls.Load(), r.published.Load())
}
