package wire

import (
	"net"
	"net/netip"
	"sync"
)

// A station is one address of the wire.
type station struct {
	wire  *Wire
	name  string
	inner *net.UDPAddr
	outer *net.UDPConn

	mu sync.Mutex
	// paths are the sockets that stand for those who have sent to the station. Guarded by mu.
	paths map[netip.AddrPort]*net.UDPConn
}

// receive takes what is sent to the outer address.
func (s *station) receive() {
	buffer := make([]byte, maxPacket)
	for {
		n, sender, err := s.outer.ReadFromUDPAddrPort(buffer)
		if err != nil {
			return
		}
		sender = netip.AddrPortFrom(sender.Addr().Unmap(), sender.Port())
		path := s.path(sender)
		if path == nil {
			continue
		}
		s.wire.send(s.wire.nameOf(sender), s.name, buffer[:n], func(packet []byte) {
			_, _ = path.WriteToUDP(packet, s.inner) // UDP promises nothing
		})
	}
}

// path returns the socket that stands for a sender, nil if there are too many.
func (s *station) path(sender netip.AddrPort) *net.UDPConn {
	s.mu.Lock()
	defer s.mu.Unlock()
	if conn, ok := s.paths[sender]; ok {
		return conn
	}
	if len(s.paths) >= maxPaths {
		return nil
	}
	conn, err := s.wire.listen()
	if err != nil {
		return nil
	}
	s.paths[sender] = conn
	s.wire.running.Go(func() { s.answer(conn, sender) })
	return conn
}

// answer takes what the station sends back to a sender.
func (s *station) answer(conn *net.UDPConn, sender netip.AddrPort) {
	to := net.UDPAddrFromAddrPort(sender)
	buffer := make([]byte, maxPacket)
	for {
		n, _, err := conn.ReadFromUDPAddrPort(buffer)
		if err != nil {
			return
		}
		s.wire.send(s.name, s.wire.nameOf(sender), buffer[:n], func(packet []byte) {
			_, _ = s.outer.WriteToUDP(packet, to)
		})
	}
}
