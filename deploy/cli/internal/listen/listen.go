// Package listen opens the sockets that weir's servers accept clients on.
package listen

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"
)

// An Error says which address can't be listened on. It wraps the system's error.
type Error struct {
	Addr string
	Err  error
}

func (e *Error) Error() string {
	if errors.Is(e.Err, syscall.EADDRINUSE) {
		return fmt.Sprintf("the address %s is in use", e.Addr)
	}
	if errors.Is(e.Err, syscall.EACCES) {
		return fmt.Sprintf("no permission to listen on %s", e.Addr)
	}
	return fmt.Sprintf("can't listen on %s: %s", e.Addr, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// Sockets are open for TCP, and if asked for, for UDP on the same port. The first is on the address that was given.
type Sockets struct {
	TCP []net.Listener
	UDP []net.PacketConn
}

// Addr returns the first address, with the port that the system chose where 0 was asked for.
func (s *Sockets) Addr() netip.AddrPort { return s.TCP[0].Addr().(*net.TCPAddr).AddrPort() }

// Close closes all of them.
func (s *Sockets) Close() error {
	var errs []error
	for _, l := range s.TCP {
		errs = append(errs, l.Close())
	}
	for _, c := range s.UDP {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// Stream opens TCP sockets on addr, "HOST:PORT".
func Stream(addr string) (*Sockets, error) { return open(addr, false) }

// StreamAndDatagram opens TCP and UDP sockets on the same port of addr.
func StreamAndDatagram(addr string) (*Sockets, error) { return open(addr, true) }

// portTries bounds the search for a port that is free for TCP and UDP alike; the system proposes them at random, so
// that a few failures in a row mean that there is another reason.
const portTries = 16

func open(addr string, udp bool) (*Sockets, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, &Error{addr, errors.New("it is not HOST:PORT")}
	}
	for try := 1; ; try++ {
		s, err := openOnce(host, port, udp)
		if err == nil {
			s.addOtherLoopback(host, udp)
			return s, nil
		}
		if port != "0" || try == portTries || !errors.Is(err, syscall.EADDRINUSE) {
			return nil, &Error{addr, err}
		}
	}
}

func openOnce(host, port string, udp bool) (*Sockets, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, err
	}
	s := &Sockets{TCP: []net.Listener{l}}
	if !udp {
		return s, nil
	}
	chosen := strconv.Itoa(int(s.Addr().Port()))
	c, err := net.ListenPacket("udp", net.JoinHostPort(host, chosen))
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	s.UDP = []net.PacketConn{c}
	return s, nil
}

// addOtherLoopback opens [::1] beside 127.0.0.1, on the same port: browsers take either for "localhost". It leaves it
// be where there is no IPv6, or where the port is taken there.
func (s *Sockets) addOtherLoopback(host string, udp bool) {
	if host != "127.0.0.1" && host != "localhost" || s.Addr().Addr().Is6() {
		return
	}
	other, err := openOnce("::1", strconv.Itoa(int(s.Addr().Port())), udp)
	if err != nil {
		return
	}
	s.TCP = append(s.TCP, other.TCP...)
	s.UDP = append(s.UDP, other.UDP...)
}
