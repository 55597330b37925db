package transport

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"syscall"
)

// sockets are what a server listens on: one UDP and one TCP socket for each address, all with the same port.
type sockets struct {
	udp []net.PacketConn
	tcp []net.Listener
}

// portAttempts is how often another free port is tried, where any is good and one of the sockets can't have the one that
// the first was given.
const portAttempts = 16

// openSockets opens the sockets for host:port.
func openSockets(address string, logger *slog.Logger) (*sockets, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("the address %q is not host:port: %w", address, err)
	}
	hosts := []string{host}
	if host == "localhost" {
		hosts = []string{"127.0.0.1", "::1"} // browsers try both, in an order of their own
	}
	number, err := net.LookupPort("tcp", port)
	if err != nil {
		return nil, fmt.Errorf("the address %q: %w", address, err)
	}
	for range portAttempts {
		var s *sockets
		s, err = openPort(hosts, number, logger)
		if err == nil {
			return s, nil
		}
		if number != 0 || !errors.Is(err, syscall.EADDRINUSE) {
			break
		}
	}
	return nil, err
}

// openPort opens the sockets for all hosts. Port 0 becomes a free one.
func openPort(hosts []string, port int, logger *slog.Logger) (*sockets, error) {
	s := new(sockets)
	for i, host := range hosts {
		taken, err := s.open(host, port)
		switch {
		case err == nil:
			port = taken
		case i > 0 && unsupported(err):
			logger.Debug("this machine has no IPv6; clients must use the other address", "host", host)
		default:
			return nil, errors.Join(err, s.close())
		}
	}
	return s, nil
}

// open opens both sockets for a host and returns the port that they have.
func (s *sockets) open(host string, port int) (int, error) {
	address := net.JoinHostPort(host, strconv.Itoa(port))
	tcp, err := net.Listen("tcp", address)
	if err != nil {
		return 0, fmt.Errorf("listen on TCP %s: %w", address, err)
	}
	port = tcp.Addr().(*net.TCPAddr).Port
	udpAddress, err := net.ResolveUDPAddr("udp", net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return 0, errors.Join(fmt.Errorf("listen on UDP: %w", err), tcp.Close())
	}
	udp, err := net.ListenUDP("udp", udpAddress)
	if err != nil {
		return 0, errors.Join(fmt.Errorf("listen on UDP %s: %w", udpAddress, err), tcp.Close())
	}
	s.tcp = append(s.tcp, tcp)
	s.udp = append(s.udp, udp)
	return port, nil
}

// unsupported reports whether an address can't be had because the machine lacks its family.
func unsupported(err error) bool {
	return errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT)
}

// close closes what is open. TCP listeners are closed by the HTTP server first, which is no error.
func (s *sockets) close() error {
	var errs []error
	for _, l := range s.tcp {
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	for _, c := range s.udp {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}
