package gro

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"io"
	"math/big"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"golang.org/x/net/ipv4"
	"golang.org/x/sys/unix"
)

// control returns control messages, each a type of a level with a number.
func control(all ...[3]int) []byte {
	var encoded []byte
	for _, m := range all {
		one := make([]byte, unix.CmsgSpace(4))
		binary.NativeEndian.PutUint64(one, uint64(unix.CmsgLen(4)))
		binary.NativeEndian.PutUint32(one[8:], uint32(m[0]))
		binary.NativeEndian.PutUint32(one[12:], uint32(m[1]))
		binary.NativeEndian.PutUint32(one[unix.CmsgLen(0):], uint32(m[2]))
		encoded = append(encoded, one...)
	}
	return encoded
}

func TestRunsAreTakenApart(t *testing.T) {
	from := &net.UDPAddr{Port: 1}
	tos := [3]int{unix.IPPROTO_IP, unix.IP_TOS, 2}
	run := ipv4.Message{
		Buffers: [][]byte{[]byte("aabbccddeeffgghhiij")}, Addr: from,
		OOB: control(tos, [3]int{unix.IPPROTO_UDP, unix.UDP_GRO, 2}),
	}
	c := scripted([]ipv4.Message{run, single("alone", from)})
	ms := messages(8)
	var got []string
	for _, want := range []int{8, 3} {
		n, err := c.ReadBatch(ms, 0)
		if n != want || err != nil {
			t.Fatalf("ReadBatch = %d, %v, want %d", n, err, want)
		}
		for _, m := range ms[:n] {
			got = append(got, string(m.Buffers[0][:m.N]))
			if alone := got[len(got)-1] == "alone"; !alone && !bytes.HasPrefix(m.OOB[:m.NN], control(tos)) {
				t.Errorf("%q has lost its ECN bits", got[len(got)-1])
			}
		}
	}
	if want := []string{"aa", "bb", "cc", "dd", "ee", "ff", "gg", "hh", "ii", "j", "alone"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestTakingApartTakesNoMemory(t *testing.T) {
	c := scripted()
	ms := messages(8)
	datagrams, oob := make([]byte, 32<<10), control([3]int{unix.IPPROTO_UDP, unix.UDP_GRO, 1 << 10})
	if n := testing.AllocsPerRun(100, func() {
		c.runs, c.next = c.runs[:1], 0
		c.runs[0].Buffers[0], c.runs[0].N = datagrams, len(datagrams)
		c.runs[0].OOB, c.runs[0].NN = oob, len(oob)
		for range 4 {
			if n, err := c.ReadBatch(ms, 0); n != 8 || err != nil {
				t.Errorf("ReadBatch = %d, %v", n, err)
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations for 32 datagrams", n)
	}
}

func FuzzRun(f *testing.F) {
	f.Add([]byte("aabbc"), control([3]int{unix.IPPROTO_UDP, unix.UDP_GRO, 2}))
	f.Add([]byte("aabbc"), control([3]int{unix.IPPROTO_UDP, unix.UDP_GRO, -2}))
	f.Add([]byte("a"), []byte{1})
	f.Fuzz(func(t *testing.T, datagrams, control []byte) {
		r := newRun(&ipv4.Message{Buffers: [][]byte{datagrams}, N: len(datagrams), OOB: control, NN: len(control)})
		var all []byte
		m := ipv4.Message{Buffers: [][]byte{make([]byte, len(datagrams))}, OOB: make([]byte, 128)}
		for r.next(&m) {
			if m.N == 0 {
				t.Fatal("an empty datagram")
			}
			all = append(all, m.Buffers[0][:m.N]...)
		}
		if !bytes.Equal(all, datagrams) {
			t.Fatalf("got %q of %q", all, datagrams)
		}
	})
}

func socket(t *testing.T) (*Conn, net.Addr) {
	udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { udp.Close() })
	c, ok := Wrap(udp).(*Conn)
	if !ok {
		t.Skip("this kernel leaves nothing together")
	}
	return c, udp.LocalAddr()
}

// TestTheKernelLeavesTogether sends datagrams as quic-go does and reads them.
func TestTheKernelLeavesTogether(t *testing.T) {
	to, address := socket(t)
	from, sender := socket(t)
	const size, count = 1200, 20
	sent := make([]byte, size*count+7)
	if _, err := rand.Read(sent); err != nil {
		t.Fatal(err)
	}
	segment := make([]byte, unix.CmsgSpace(2))
	copy(segment, control([3]int{unix.IPPROTO_UDP, unix.UDP_SEGMENT, size}))
	binary.NativeEndian.PutUint64(segment, uint64(unix.CmsgLen(2)))
	if _, _, err := from.WriteMsgUDP(sent, segment, address.(*net.UDPAddr)); err != nil {
		t.Skip("this kernel does not take datagrams apart: ", err)
	}
	ms := messages(8)
	var got []byte
	for len(got) < len(sent) {
		n, err := to.ReadBatch(ms, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range ms[:n] {
			if len(got) < size*count && m.N != size {
				t.Fatalf("a datagram has %d bytes", m.N)
			}
			if m.Addr.String() != sender.String() {
				t.Fatalf("it is from %v, want %v", m.Addr, sender)
			}
			got = append(got, m.Buffers[0][:m.N]...)
		}
	}
	if !bytes.Equal(got, sent) {
		t.Error("what was read is not what was sent")
	}
}

// TestQUIC has quic-go read from such sockets.
func TestQUIC(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	server, address := socket(t)
	client, _ := socket(t)
	listening, dialling := &quic.Transport{Conn: server}, &quic.Transport{Conn: client}
	defer listening.Close()
	defer dialling.Close()
	listener, err := listening.Listen(&tls.Config{Certificates: []tls.Certificate{certificate(t)}, NextProtos: []string{"echo"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go echo(ctx, listener)
	conn, err := dialling.Dial(ctx, address, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"echo"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.CloseWithError(0, "")
	stream, err := conn.OpenStream()
	if err != nil {
		t.Fatal(err)
	}
	sent := make([]byte, 1<<20)
	if _, err := rand.Read(sent); err != nil {
		t.Fatal(err)
	}
	go func() {
		_, _ = stream.Write(sent)
		_ = stream.Close()
	}()
	if got, err := io.ReadAll(stream); err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d bytes of %d came back, %v", len(got), len(sent), err)
	}
}

// echo sends back what the first stream of a connection brings.
func echo(ctx context.Context, listener *quic.Listener) {
	conn, err := listener.Accept(ctx)
	if err != nil {
		return
	}
	stream, err := conn.AcceptStream(ctx)
	if err != nil {
		return
	}
	_, _ = io.Copy(stream, stream)
	_ = stream.Close()
}

func certificate(t *testing.T) tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
