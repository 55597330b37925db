// Package listen opens the TCP sockets of weir's HTTP servers.
package listen

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
)

// Sockets are open for TCP on one port. The first is on the address that was given.
type Sockets []net.Listener

// Addr returns the first address, with the port that the system chose where 0 was asked for.
func (s Sockets) Addr() netip.AddrPort { return s[0].Addr().(*net.TCPAddr).AddrPort() }

// Close closes all of them. Servers close those that they serve; that is no error.
func (s Sockets) Close() error {
	var errs []error
	for _, socket := range s {
		if err := socket.Close(); !errors.Is(err, net.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// TCP opens sockets on "HOST:PORT". The host "localhost" means 127.0.0.1 and, where that can be had, ::1: browsers take
// either for that name.
func TCP(addr string) (Sockets, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("%q is not HOST:PORT", addr)
	}
	local := host == "localhost"
	if local {
		host = "127.0.0.1"
	}
	first, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, err
	}
	s := Sockets{first}
	if local {
		if second, err := net.Listen("tcp", net.JoinHostPort("::1", strconv.Itoa(int(s.Addr().Port())))); err == nil {
			s = append(s, second)
		}
	}
	return s, nil
}
