package transport

import "net"

// wantedBuffer is the size of a UDP socket's buffers that QUIC asks the kernel for, in bytes. With less, bursts from
// many sessions are dropped before they are read.
const wantedBuffer = 7 << 20

// warnOfSmallBuffers says, once, if the kernel gave the UDP sockets less than QUIC wants.
func (s *Server) warnOfSmallBuffers() {
	for _, socket := range s.sockets.udp {
		udp, ok := socket.(*net.UDPConn)
		if !ok {
			continue
		}
		receive, send, ok := bufferSizes(udp)
		if !ok || receive >= wantedBuffer && send >= wantedBuffer {
			continue
		}
		s.logger.Warn("the kernel limits the buffers of UDP sockets: expect lost packets under load",
			"receive_bytes", receive, "send_bytes", send, "wanted_bytes", wantedBuffer,
			"hint", "sysctl -w net.core.rmem_max=7340032 net.core.wmem_max=7340032")
		return
	}
}
