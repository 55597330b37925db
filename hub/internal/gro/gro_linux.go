package gro

import (
	"encoding/binary"
	"net"

	"golang.org/x/sys/unix"
)

// enable asks the kernel to leave datagrams together (udp(7), UDP_GRO).
func enable(conn *net.UDPConn) error {
	raw, err := conn.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_GRO, 1)
	}); err != nil {
		return err
	}
	return failed
}

// segmentSize returns the size of a run's datagrams that its control messages tell, in bytes; 0: it is a single one.
func segmentSize(control []byte) int {
	for len(control) >= unix.SizeofCmsghdr {
		header, body, rest, err := unix.ParseOneSocketControlMessage(control)
		if err != nil {
			return 0
		}
		if header.Level == unix.IPPROTO_UDP && header.Type == unix.UDP_GRO && len(body) >= 4 {
			return int(max(0, int32(binary.NativeEndian.Uint32(body)))) // an int of C
		}
		control = rest
	}
	return 0
}
