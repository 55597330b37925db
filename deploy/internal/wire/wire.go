// Package wire is a network of UDP addresses whose paths can be cut, slowed down and made to lose packets, each direction
// for itself, without rights over the kernel's network. A packet to a station's outer address is handed to its inner
// address, over a socket that stands for the sender; so answers find their way back through the wire too.
package wire

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	// maxPacket is more than any UDP packet on an Ethernet or loopback path that QUIC sends.
	maxPacket = 64 << 10
	// maxWaiting bounds the packets that are on their way at once; beyond it they are lost, as in a router's queue.
	maxWaiting = 16384
	// maxPaths bounds the senders that one station answers to.
	maxPaths = 4096
	// socketBuffer is what the kernel is asked to hold for each socket, in bytes.
	socketBuffer = 4 << 20
)

// A Fault says what happens to the packets of one direction. The zero value is a perfect path.
type Fault struct {
	Cut bool
	// Delay, and up to Jitter more, evenly drawn: so packets may overtake each other.
	Delay, Jitter time.Duration
	// Loss is the share of packets lost, 0 to 1.
	Loss float64
}

// A Wire is a set of stations. It is safe for concurrent use.
type Wire struct {
	mu      sync.Mutex
	random  *rand.Rand                // guarded by mu
	names   map[netip.AddrPort]string // by the address that a station sends from; guarded by mu
	faults  map[[2]string]Fault       // by names of sender and receiver; guarded by mu
	sockets []*net.UDPConn            // guarded by mu
	waiting int                       // guarded by mu
	closed  bool                      // guarded by mu
	lost    int                       // guarded by mu
	running sync.WaitGroup
	timers  sync.WaitGroup
}

// New returns a wire without stations. The seed draws which packets are lost and how long they take.
func New(seed uint64) *Wire {
	return &Wire{
		random: rand.New(rand.NewPCG(seed, 1)), names: map[netip.AddrPort]string{}, faults: map[[2]string]Fault{},
	}
}

// Anyone is the name of senders that are no station.
const Anyone = "*"

// Set says what happens to packets from one station to another. Anyone stands for who is no station.
func (w *Wire) Set(from, to string, f Fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults[[2]string{from, to}] = f
}

// Heal makes all paths perfect.
func (w *Wire) Heal() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.faults)
}

// Station adds a station that is reached at inner, and returns its outer address. What is sent from inner counts as sent
// by it.
func (w *Wire) Station(name string, inner netip.AddrPort) (outer netip.AddrPort, err error) {
	conn, err := w.listen()
	if err != nil {
		return outer, fmt.Errorf("wire: station %s: %w", name, err)
	}
	w.mu.Lock()
	w.names[inner] = name
	w.mu.Unlock()
	s := &station{wire: w, name: name, inner: net.UDPAddrFromAddrPort(inner), outer: conn, paths: map[netip.AddrPort]*net.UDPConn{}}
	w.running.Go(s.receive)
	return conn.LocalAddr().(*net.UDPAddr).AddrPort(), nil
}

var errClosed = errors.New("the wire is closed")

func (w *Wire) listen() (*net.UDPConn, error) {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	_, _ = conn.SetReadBuffer(socketBuffer), conn.SetWriteBuffer(socketBuffer) // as much as the kernel gives
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil, errors.Join(errClosed, conn.Close())
	}
	w.sockets = append(w.sockets, conn)
	return conn, nil
}

// Close closes all sockets and waits until nothing is on its way.
func (w *Wire) Close() error {
	w.mu.Lock()
	w.closed = true
	sockets := w.sockets
	w.sockets = nil
	w.mu.Unlock()
	var err error
	for _, s := range sockets {
		err = errors.Join(err, s.Close())
	}
	w.running.Wait()
	w.timers.Wait()
	return err
}

// send carries a packet over a path: at once, later, or never.
func (w *Wire) send(from, to string, packet []byte, deliver func([]byte)) {
	w.mu.Lock()
	f := w.faults[[2]string{from, to}]
	lost := f.Cut || w.closed || f.Loss > 0 && w.random.Float64() < f.Loss
	delay := f.Delay
	if f.Jitter > 0 {
		delay += time.Duration(w.random.Int64N(int64(f.Jitter)))
	}
	lost = lost || delay > 0 && w.waiting >= maxWaiting
	switch {
	case lost:
		w.lost++
	case delay > 0:
		w.waiting++
		w.timers.Add(1)
	}
	w.mu.Unlock()
	switch {
	case lost:
	case delay == 0:
		deliver(packet)
	default:
		kept := append([]byte(nil), packet...)
		time.AfterFunc(delay, func() {
			defer w.timers.Done()
			deliver(kept)
			w.mu.Lock()
			w.waiting--
			w.mu.Unlock()
		})
	}
}

// Lost returns how many packets have been lost so far.
func (w *Wire) Lost() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.lost
}

// nameOf says who sends from an address.
func (w *Wire) nameOf(address netip.AddrPort) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if name, ok := w.names[address]; ok {
		return name
	}
	return Anyone
}
