package listen

import (
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
)

func TestLocalhostIsOnePort(t *testing.T) {
	s, err := TCP("localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := s.Addr().Addr().String(); got != "127.0.0.1" {
		t.Errorf("the first address is %s", got)
	}
	for _, socket := range s {
		if port := socket.Addr().(*net.TCPAddr).AddrPort().Port(); port == 0 || port != s.Addr().Port() {
			t.Errorf("%s: want port %d", socket.Addr(), s.Addr().Port())
		}
	}
}

func TestAddressInUse(t *testing.T) {
	s, err := TCP("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := s.Addr().String()
	if _, err := TCP(addr); !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), addr) {
		t.Errorf("error %v", err)
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Errorf("closed twice: %v", err)
	}
	again, err := TCP(addr)
	if err != nil {
		t.Fatalf("the address was not given back: %v", err)
	}
	_ = again.Close()
}

func TestNoAddress(t *testing.T) {
	for _, addr := range []string{"", "127.0.0.1", "127.0.0.1:http:x", "127.0.0.1:99999"} {
		if s, err := TCP(addr); err == nil {
			t.Errorf("listens on %q as %s", addr, s.Addr())
			_ = s.Close()
		}
	}
}
