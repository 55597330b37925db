// Package rawserver is what weir is compared with: the least that a Go program can do to send the same bytes to many
// WebTransport sessions, with the same libraries and settings, and no thought for order, filters, slow readers or loss.
package rawserver

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/webtransport-go"
)

// Run serves until in ends. It writes "listening ADDRESS" to out, and for each line "send COUNT BYTES INTERVAL" it reads,
// sends COUNT messages of BYTES to every session, one each INTERVAL, and writes "sent".
func Run(ctx context.Context, in io.Reader, out io.Writer) error {
	s := &server{}
	addr, stop, err := s.listen()
	if err != nil {
		return err
	}
	defer stop()
	fmt.Fprintln(out, "listening", addr)
	lines := bufio.NewScanner(in)
	for lines.Scan() && ctx.Err() == nil {
		var count, size int
		var every string
		if _, err := fmt.Sscanf(lines.Text(), "send %d %d %s", &count, &size, &every); err != nil {
			return fmt.Errorf("%q: %w", lines.Text(), err)
		}
		interval, err := time.ParseDuration(every)
		if err != nil {
			return err
		}
		s.send(count, size, interval)
		fmt.Fprintln(out, "sent")
	}
	return lines.Err()
}

type server struct {
	wt      webtransport.Server
	mu      sync.Mutex
	streams []*webtransport.SendStream // guarded by mu
}

func (s *server) listen() (addr string, stop func(), err error) {
	certificate, err := selfSigned()
	if err != nil {
		return "", nil, err
	}
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	s.wt = webtransport.Server{
		H3:                   &http3.Server{Handler: http.HandlerFunc(s.serve)},
		ApplicationProtocols: []string{"weir.1"},
		CheckOrigin:          func(*http.Request) bool { return true },
	}
	transport := &quic.Transport{Conn: socket}
	listener, err := transport.ListenEarly(&tls.Config{
		Certificates: []tls.Certificate{certificate}, NextProtos: []string{http3.NextProtoH3},
		CurvePreferences: []tls.CurveID{tls.X25519}, SessionTicketsDisabled: true,
	}, &quic.Config{EnableDatagrams: true, EnableStreamResetPartialDelivery: true, DisablePathMTUDiscovery: true})
	if err != nil {
		return "", nil, err
	}
	go func() {
		for {
			conn, err := listener.Accept(context.Background())
			if err != nil {
				return
			}
			go func() { _ = s.wt.ServeQUICConn(conn) }() // ends with the connection
		}
	}()
	stop = func() {
		_ = s.wt.Close()
		_ = transport.Close()
		_ = socket.Close()
	}
	return socket.LocalAddr().String(), stop, nil
}

func (s *server) serve(w http.ResponseWriter, r *http.Request) {
	session, err := s.wt.Upgrade(w, r)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	stream, err := session.OpenUniStream()
	if err != nil {
		return
	}
	if _, err := stream.Write([]byte{0}); err != nil { // a stream is seen once something is on it
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.streams = append(s.streams, stream)
}

func (s *server) send(count, size int, interval time.Duration) {
	message := make([]byte, size)
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for range count {
		<-ticker.C
		for _, stream := range s.streams {
			_, _ = stream.Write(message) // a session that is gone is no concern of a raw loop
		}
	}
}

func selfSigned() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
