//go:build !unix

package transport

import "net"

// bufferSizes can't be asked for here.
func bufferSizes(*net.UDPConn) (receive, send int, ok bool) { return 0, 0, false }
