package gro

import (
	"bytes"
	"net"
	"testing"

	"golang.org/x/net/ipv4"
)

// script is a socket that answers reads from a list.
type script [][]ipv4.Message

func (s *script) ReadBatch(ms []ipv4.Message, _ int) (int, error) {
	if len(*s) == 0 {
		return 0, net.ErrClosed
	}
	n := 0
	for _, m := range (*s)[0] {
		ms[n].N, ms[n].NN, ms[n].Addr = copy(ms[n].Buffers[0], m.Buffers[0]), copy(ms[n].OOB, m.OOB), m.Addr
		n++
	}
	*s = (*s)[1:]
	return n, nil
}

func messages(n int) []ipv4.Message {
	ms := make([]ipv4.Message, n)
	for i := range ms {
		ms[i] = ipv4.Message{Buffers: [][]byte{make([]byte, 1452)}, OOB: make([]byte, 128)}
	}
	return ms
}

func scripted(reads ...[]ipv4.Message) *Conn {
	s := script(reads)
	return newConn(nil, &s)
}

func single(text string, from *net.UDPAddr) ipv4.Message {
	return ipv4.Message{Buffers: [][]byte{[]byte(text)}, Addr: from}
}

func TestWhatCameAloneStaysAlone(t *testing.T) {
	one, other := &net.UDPAddr{Port: 1}, &net.UDPAddr{Port: 2}
	c := scripted([]ipv4.Message{single("a", one), single("", one), single("b", other)}, []ipv4.Message{single("c", one)})
	ms := messages(8)
	n, err := c.ReadBatch(ms, 0)
	if err != nil || n != 2 {
		t.Fatalf("ReadBatch = %d, %v, want 2 datagrams, the empty one left out", n, err)
	}
	for i, want := range []struct {
		text string
		from *net.UDPAddr
	}{{"a", one}, {"b", other}} {
		if got := string(ms[i].Buffers[0][:ms[i].N]); got != want.text || ms[i].Addr != want.from {
			t.Errorf("datagram %d is %q of %v, want %q of %v", i, got, ms[i].Addr, want.text, want.from)
		}
	}
	if n, err := c.ReadBatch(ms, 0); n != 1 || err != nil || string(ms[0].Buffers[0][:ms[0].N]) != "c" {
		t.Errorf("the second ReadBatch = %d, %v", n, err)
	}
	if n, err := c.ReadBatch(ms, 0); n != 0 || err != net.ErrClosed {
		t.Errorf("ReadBatch after the end = %d, %v", n, err)
	}
}

func TestWhatIsTooLongIsCut(t *testing.T) {
	c := scripted([]ipv4.Message{single(string(bytes.Repeat([]byte("x"), 2000)), nil)})
	ms := messages(2)
	if n, err := c.ReadBatch(ms, 0); n != 1 || err != nil || ms[0].N != 1452 {
		t.Errorf("ReadBatch = %d, %v, the datagram has %d bytes", n, err, ms[0].N)
	}
}

func TestOtherConnsAreLeftAlone(t *testing.T) {
	var other struct{ net.PacketConn }
	if got := Wrap(&other); got != net.PacketConn(&other) {
		t.Errorf("Wrap made a %T of it", got)
	}
}
