package linktest

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go/testutils/simnet"
)

// Latency is that of each direction of a Network.
const Latency = 2 * time.Millisecond

// A Network is a simulated one, for use within synctest, on which nothing travels while it is cut.
type Network struct {
	simnet.PerfectRouter
	cut atomic.Bool
	net *simnet.Simnet

	mu  sync.Mutex
	off map[string]bool // hosts that are cut off, by IP address; guarded by mu
}

// NewNetwork returns a network with two sockets: a hub's and an edge's. It is closed when the test ends.
func NewNetwork(t *testing.T) (n *Network, hub, edge net.PacketConn) {
	t.Helper()
	n, hubs, edge := NewRegionNetwork(t, 1)
	return n, hubs[0], edge
}

// NewRegionNetwork is NewNetwork with several hub nodes.
func NewRegionNetwork(t *testing.T, nodes int) (n *Network, hubs []net.PacketConn, edge net.PacketConn) {
	t.Helper()
	n = &Network{off: map[string]bool{}}
	n.net = &simnet.Simnet{Router: n}
	link := simnet.NodeBiDiLinkSettings{Latency: Latency}
	for i := range nodes {
		hubs = append(hubs, n.net.NewEndpoint(&net.UDPAddr{IP: net.IPv4(10, 0, 1, byte(i+1)), Port: 4433}, link))
	}
	edge = n.net.NewEndpoint(&net.UDPAddr{IP: net.IPv4(10, 0, 0, 2), Port: 4433}, link)
	if err := n.net.Start(); err != nil {
		t.Fatal(err)
	}
	return n, hubs, edge
}

// Cut stops all packets, or lets them pass again.
func (n *Network) Cut(cut bool) { n.cut.Store(cut) }

// CutOff stops the packets of one host, or lets them pass again.
func (n *Network) CutOff(host net.Addr, cut bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.off[host.(*net.UDPAddr).IP.String()] = cut
}

func (n *Network) isOff(host net.Addr) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	a, ok := host.(*net.UDPAddr)
	return ok && n.off[a.IP.String()]
}

// Close ends the network.
func (n *Network) Close() error { return n.net.Close() }

// SendPacket drops what is sent while the network is cut.
func (n *Network) SendPacket(p simnet.Packet) error {
	if n.cut.Load() || n.isOff(p.From) || n.isOff(p.To) {
		return nil
	}
	if to, ok := p.To.(*net.UDPAddr); ok { // the router tells addresses apart by their bytes
		p.To = &net.UDPAddr{IP: to.IP.To16(), Port: to.Port}
	}
	return n.PerfectRouter.SendPacket(p)
}

// A Socket outlives whoever serves on it, as a host's address does.
type Socket struct{ net.PacketConn }

// Close does nothing.
func (Socket) Close() error { return nil }
