package mesh

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/quic-go/quic-go/testutils/simnet"
	"go.uber.org/goleak"

	"weir/hub/ca"
	"weir/hub/internal/logtest"
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
	log      logtest.Buffer
	// identityLog says which peers were refused.
	identityLog logtest.Buffer
	admit       func(node string, group uint32) error
	incarnation string
	recognise   func(node, incarnation string) error

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
		r.authority = r.newAuthority("authority")
		for i := range n {
			r.add(i)
		}
		if err := r.net.Start(); err != nil {
			t.Fatal(err)
		}
		for _, n := range r.nodes {
			n.start()
		}
		defer r.end()
		test(t, r)
	})
}

// end ends all, so that nothing is left in the bubble of virtual time.
func (r *region) end() {
	for _, n := range r.nodes {
		n.shutdown()
		if r.t.Failed() {
			r.t.Logf("log of %s:\n%s", n.name, n.log.String())
		}
	}
	if err := r.net.Close(); err != nil {
		r.t.Error(err)
	}
	for _, n := range r.nodes {
		_ = n.socket.Close()
	}
}

func (r *region) add(i int) {
	name := fmt.Sprintf("hub-%d", i+1)
	addr := &net.UDPAddr{IP: net.IPv4(10, 0, 0, byte(i+1)), Port: 4433}
	n := &node{region: r, name: name, addr: addr}
	n.socket = r.net.NewEndpoint(addr, simnet.NodeBiDiLinkSettings{Latency: latency})
	r.nodes = append(r.nodes, n)
	n.identity = r.issue(name)
}

func (r *region) newAuthority(name string) *ca.Authority {
	r.t.Helper()
	a, err := ca.Create(filepath.Join(r.dir, name), time.Now())
	if err != nil {
		r.t.Fatal(err)
	}
	return a
}

// trust makes a node believe these authorities from now on.
func (n *node) trust(authorities []*x509.Certificate) {
	n.region.t.Helper()
	var bundle []byte
	for _, a := range authorities {
		bundle = append(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Raw})...)
	}
	if err := os.WriteFile(filepath.Join(n.identity.Dir(), ca.FileCA), bundle, 0o600); err != nil {
		n.region.t.Fatal(err)
	}
	if err := n.identity.Reload(); err != nil {
		n.region.t.Fatal(err)
	}
}

// issue makes a certificate for a hub.
func (r *region) issue(name string) *ca.Identity {
	r.t.Helper()
	dir := filepath.Join(r.dir, name)
	if _, err := r.authority.Issue(dir, ca.Request{Name: ca.Name{Role: ca.Hub, Node: name}, Life: time.Hour}, time.Now()); err != nil {
		r.t.Fatal(err)
	}
	var to io.Writer = io.Discard
	for _, n := range r.nodes {
		if n.name == name {
			to = &n.identityLog
		}
	}
	identity, err := ca.Open(ca.Config{Dir: dir, Role: ca.Hub, Logger: slog.New(slog.NewTextHandler(to, nil))})
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
		Incarnation: func() string { return n.incarnation },
		Recognise: func(node, incarnation string) error {
			if n.recognise != nil {
				return n.recognise(node, incarnation)
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

// connections returns how many the node has.
func (n *node) connections() (count int) {
	for _, p := range n.everyPeer() {
		count += len(p.live())
	}
	return count
}

// crash ends a node's mesh without a word to the others; start starts it anew.
func (n *node) crash() {
	n.region.isolate(n, true)
	n.shutdown()
	n.region.isolate(n, false)
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
