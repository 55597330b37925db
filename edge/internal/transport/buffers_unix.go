//go:build unix

package transport

import (
	"net"
	"syscall"
)

// bufferSizes returns the sizes of a socket's buffers, in bytes. On Linux they include the kernel's own bookkeeping,
// about half of them.
func bufferSizes(socket *net.UDPConn) (receive, send int, ok bool) {
	raw, err := socket.SyscallConn()
	if err != nil {
		return 0, 0, false
	}
	controlErr := raw.Control(func(fd uintptr) {
		if receive, err = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF); err != nil {
			return
		}
		send, err = syscall.GetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_SNDBUF)
	})
	return receive, send, controlErr == nil && err == nil
}
