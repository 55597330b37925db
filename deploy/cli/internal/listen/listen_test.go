package listen

import (
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
)

func TestSamePortForTCPAndUDP(t *testing.T) {
	s, err := StreamAndDatagram("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	port := s.Addr().Port()
	if port == 0 || len(s.TCP) != len(s.UDP) {
		t.Fatalf("port %d, %d for TCP, %d for UDP", port, len(s.TCP), len(s.UDP))
	}
	for i := range s.TCP {
		tcp, udp := s.TCP[i].Addr().(*net.TCPAddr).AddrPort(), s.UDP[i].LocalAddr().(*net.UDPAddr).AddrPort()
		if tcp != udp || tcp.Port() != port {
			t.Errorf("TCP on %s, UDP on %s, want port %d", tcp, udp, port)
		}
	}
}

func TestAddressInUse(t *testing.T) {
	s, err := Stream("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	addr := s.Addr().String()
	_, err = StreamAndDatagram(addr)
	var bad *Error
	if !errors.As(err, &bad) || bad.Addr != addr || !errors.Is(err, syscall.EADDRINUSE) {
		t.Fatalf("error %v", err)
	}
	if !strings.Contains(err.Error(), addr+" is in use") {
		t.Errorf("message %q", err)
	}
}

func TestUDPAddressInUseFreesTCP(t *testing.T) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	addr := c.LocalAddr().String()
	if _, err := StreamAndDatagram(addr); !errors.Is(err, syscall.EADDRINUSE) {
		t.Fatalf("error %v", err)
	}
	s, err := Stream(addr)
	if err != nil {
		t.Fatalf("the TCP socket was left open: %v", err)
	}
	_ = s.Close()
}

func TestNoAddress(t *testing.T) {
	for _, addr := range []string{"", "127.0.0.1", "127.0.0.1:http:x", "127.0.0.1:99999"} {
		if s, err := Stream(addr); err == nil {
			t.Errorf("listens on %q as %s", addr, s.Addr())
			_ = s.Close()
		}
	}
}
