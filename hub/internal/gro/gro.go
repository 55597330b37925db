// Package gro reads UDP datagrams that the kernel has left together: generic receive offload. Datagrams of one sender that came
// one after another, as QUIC's do, go through the network stack and one system call as one, and are taken apart here. It is the
// receiving half of what quic-go does when it sends.
package gro

import (
	"net"

	"golang.org/x/net/ipv4"
)

const (
	// reads is how many runs of datagrams one system call may return: those of so many senders. All of one connection's, at
	// most 64 each, are no more than quic-go queues for it, 256; it drops what is beyond.
	reads = 4
	// runBytes is the most that a run can have, the longest datagram of UDP. Memory that no run reaches is not touched.
	runBytes = 64 << 10
	// controlBytes holds the control messages of a run: where it was sent to, its ECN bits and its segments' size.
	controlBytes = 192
)

// Wrap returns conn, for a quic.Transport, so that it reads what the kernel has left together; or just conn if it is no UDP
// socket, or the kernel can't (Linux before 5.0, other systems).
func Wrap(conn net.PacketConn) net.PacketConn {
	udp, ok := conn.(*net.UDPConn)
	if !ok || enable(udp) != nil {
		return conn
	}
	return newConn(udp, ipv4.NewPacketConn(udp))
}

// A Conn is a UDP socket with generic receive offload. Only ReadBatch reads from it, by one goroutine.
type Conn struct {
	*net.UDPConn
	batches batchReader
	runs    []ipv4.Message // of the last system call
	next    int            // of runs
	run     run            // being taken apart
}

// A batchReader reads several messages in a system call.
type batchReader interface {
	ReadBatch(ms []ipv4.Message, flags int) (int, error)
}

func newConn(udp *net.UDPConn, batches batchReader) *Conn {
	c := &Conn{UDPConn: udp, batches: batches, runs: make([]ipv4.Message, reads)}
	for i := range c.runs {
		c.runs[i] = ipv4.Message{Buffers: [][]byte{make([]byte, runBytes)}, OOB: make([]byte, controlBytes)}
	}
	c.runs = c.runs[:0]
	return c
}

// ReadBatch waits for datagrams and reads as many as there are and ms has room for, into the first buffer of each, with
// the control messages of their run. quic-go calls it in place of its own.
func (c *Conn) ReadBatch(ms []ipv4.Message, flags int) (n int, err error) {
	for n < len(ms) {
		switch {
		case c.run.next(&ms[n]):
			n++
		case c.next < len(c.runs):
			c.run = newRun(&c.runs[c.next])
			c.next++
		case n > 0:
			return n, nil
		default:
			if err := c.read(flags); err != nil {
				return 0, err
			}
		}
	}
	return n, nil
}

// read reads the next runs.
func (c *Conn) read(flags int) error {
	c.runs = c.runs[:cap(c.runs)]
	n, err := c.batches.ReadBatch(c.runs, flags)
	c.runs, c.next = c.runs[:max(n, 0)], 0
	return err
}
