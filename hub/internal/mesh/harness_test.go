package mesh

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/quic-go/quic-go/testutils/simnet"
	"go.uber.org/goleak"

	"weir/hub/ca"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// latency is that of each direction between two nodes.
const latency = time.Millisecond

// A region is a simulated network of hub nodes, in virtual time. It is the network's router.
type region struct {
	simnet.PerfectRouter
	t         *testing.T
	dir       string
	authority *ca.Authority
	net       *simnet.Simnet
	nodes     []*node

	mu      sync.Mutex
	cut     map[[2]string]bool // guarded by mu; from and to, as addresses
	loss    float64            // guarded by mu; share of packets that are lost
	random  *rand.Rand         // guarded by mu
	packets int                // guarded by mu; sent by all
	bytes   int                // guarded by mu
}

// A node is one of a region, running or not.
type node struct {
	*Mesh
	region   *region
	name     string
	addr     *net.UDPAddr
	socket   net.PacketConn
	identity *ca.Identity
	registry *prometheus.Registry
	log      logBuffer
	admit    func(node string, group uint32) error

	stop    context.CancelFunc
	serving chan error
}

// inRegion runs a test with n nodes, "hub-1" and so on.
func inRegion(t *testing.T, n int, test func(t *testing.T, r *region)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		seed := uint64(time.Now().UnixNano()) // the same in every run: time is virtual
		r := &region{t: t, dir: dir, cut: map[[2]string]bool{}, random: rand.New(rand.NewPCG(seed, 0))}
		r.net = &simnet.Simnet{Router: r}
		var err error
		if r.authority, err = ca.Create(filepath.Join(dir, "authority"), time.Now()); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			r.add(i)
		}
		if err := r.net.Start(); err != nil {
			t.Fatal(err)
		}
		for _, n := range r.nodes {
			n.start()
		}
		test(t, r)
		for _, n := range r.nodes {
			n.shutdown()
			if t.Failed() {
				t.Logf("log of %s:\n%s", n.name, n.log.String())
			}
		}
		if err := r.net.Close(); err != nil {
			t.Error(err)
		}
		for _, n := range r.nodes {
			_ = n.socket.Close()
		}
	})
}

func (r *region) add(i int) {
	name := fmt.Sprintf("hub-%d", i+1)
	addr := &net.UDPAddr{IP: net.IPv4(10, 0, 0, byte(i+1)), Port: 4433}
	n := &node{region: r, name: name, addr: addr}
	n.socket = r.net.NewEndpoint(addr, simnet.NodeBiDiLinkSettings{Latency: latency})
	n.identity = r.issue(name)
	r.nodes = append(r.nodes, n)
}

// issue makes a certificate for a hub.
func (r *region) issue(name string) *ca.Identity {
	r.t.Helper()
	dir := filepath.Join(r.dir, name)
	if _, err := r.authority.Issue(dir, ca.Request{Name: ca.Name{Role: ca.Hub, Node: name}, Life: time.Hour}, time.Now()); err != nil {
		r.t.Fatal(err)
	}
	identity, err := ca.Open(ca.Config{Dir: dir, Role: ca.Hub, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		r.t.Fatal(err)
	}
	return identity
}

// address is the region's address book.
func (r *region) address(name string) (string, bool) {
	for _, n := range r.nodes {
		if n.name == name {
			return n.addr.String(), true
		}
	}
	return "", false
}

// start starts a node's mesh.
func (n *node) start() {
	t := n.region.t
	t.Helper()
	n.registry = prometheus.NewRegistry()
	var err error
	n.Mesh, err = New(Config{
		Node: n.name, Identity: n.identity, Address: n.region.address, Registerer: n.registry,
		Admit: func(node string, group uint32) error {
			if n.admit != nil {
				return n.admit(node, group)
			}
			return nil
		},
		Logger: slog.New(slog.NewTextHandler(&n.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	n.stop, n.serving = stop, make(chan error, 1)
	m, serving := n.Mesh, n.serving
	go func() { serving <- m.Serve(ctx, lasting{n.socket}) }()
}

// shutdown ends a node's mesh in good order.
func (n *node) shutdown() {
	n.stop()
	if err := <-n.serving; err != nil {
		n.region.t.Error(err)
	}
	n.serving <- nil // for the next
}

// isolate cuts a node off from all others, or lets it talk again.
func (r *region) isolate(n *node, cut bool) {
	for _, other := range r.nodes {
		if other != n {
			r.cutOff(n, other, cut)
			r.cutOff(other, n, cut)
		}
	}
}

// cutOff stops packets from one node to another, or lets them pass again.
func (r *region) cutOff(from, to *node, cut bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cut[[2]string{from.addr.String(), to.addr.String()}] = cut
}

func (r *region) lose(share float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.loss = share
}

// SendPacket drops what does not get through.
func (r *region) SendPacket(p simnet.Packet) error {
	r.mu.Lock()
	r.packets++
	r.bytes += len(p.Data)
	dropped := r.cut[[2]string{p.From.String(), p.To.String()}] || r.random.Float64() < r.loss
	r.mu.Unlock()
	if dropped {
		return nil
	}
	if to, ok := p.To.(*net.UDPAddr); ok { // the router tells addresses apart by their bytes
		p.To = &net.UDPAddr{IP: to.IP.To16(), Port: to.Port}
	}
	return r.PerfectRouter.SendPacket(p)
}

// sent returns how many packets and bytes have been sent since the last call.
func (r *region) sent() (packets, bytes int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	packets, bytes = r.packets, r.bytes
	r.packets, r.bytes = 0, 0
	return packets, bytes
}

// lasting is a socket that outlives whoever serves on it, as a host's address does.
type lasting struct{ net.PacketConn }

func (lasting) Close() error { return nil }

// logBuffer keeps a log for the test to read.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer // guarded by mu
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
