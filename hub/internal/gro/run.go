package gro

import (
	"net"

	"golang.org/x/net/ipv4"
)

// A run is datagrams of one sender that were read as one: all of the same size, but for the last, which may be shorter.
type run struct {
	datagrams []byte // those that have not been taken
	size      int    // of each, in bytes
	control   []byte // control messages, which hold for each
	from      net.Addr
}

func newRun(m *ipv4.Message) run {
	r := run{datagrams: m.Buffers[0][:m.N], control: m.OOB[:m.NN], from: m.Addr}
	if r.size = segmentSize(r.control); r.size == 0 {
		r.size = m.N // it is alone
	}
	return r
}

// next takes a datagram out of the run. It returns false if there is none. One that is longer than the message's buffer is cut,
// as the kernel does.
func (r *run) next(m *ipv4.Message) bool {
	if len(r.datagrams) == 0 {
		return false
	}
	n := min(r.size, len(r.datagrams))
	m.N = copy(m.Buffers[0], r.datagrams[:n])
	m.NN = copy(m.OOB, r.control)
	m.Addr = r.from
	r.datagrams = r.datagrams[n:]
	return true
}
