package transport

import (
	"context"
	"crypto/tls"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/quic-go/testutils/simnet"
	"github.com/quic-go/webtransport-go"

	"weir/proto/frame"
)

// simulated is a server and a client on a network whose time is the test's.
type simulated struct {
	t       *testing.T
	client  *quic.Transport
	outcome chan outcome
}

var serverAddress = &net.UDPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 443}

func simulate(t *testing.T) *simulated {
	t.Helper()
	network := &simnet.Simnet{Router: &simnet.PerfectRouter{}}
	link := simnet.NodeBiDiLinkSettings{Latency: 50 * time.Millisecond}
	serverSocket := network.NewEndpoint(serverAddress, link)
	clientSocket := network.NewEndpoint(&net.UDPAddr{IP: net.IPv4(192, 0, 2, 2), Port: 5000}, link)
	if err := network.Start(); err != nil {
		t.Fatal(err)
	}
	sim := &simulated{t: t, client: &quic.Transport{Conn: clientSocket}, outcome: make(chan outcome, 1)}
	s, err := listenOn(&sockets{udp: []net.PacketConn{serverSocket}}, Config{
		GetCertificate: testCertificate, Sessions: readOn(sim.outcome), Logger: quiet(), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
		sim.client.Close()
		clientSocket.Close()
		network.Close()
	})
	return sim
}

func (s *simulated) quic() *quic.Conn {
	s.t.Helper()
	config := quicClient()
	config.MaxIdleTimeout = time.Hour // the server's is shorter
	conn, err := s.client.Dial(context.Background(), serverAddress, simulatedTLS(), config)
	if err != nil {
		s.t.Fatal(err)
	}
	return conn
}

// A session lives as long as it is heard from, however seldom, and no longer.
func TestIdleSession(t *testing.T) {
	identity() // outside of the bubble: its certificate is for the real time
	synctest.Test(t, func(t *testing.T) {
		sim := simulate(t)
		transport := &webtransport.Transport{
			TLSClientConfig: simulatedTLS(), QUICConfig: quicClient(), ApplicationProtocols: []string{Subprotocol},
			DialAddr: func(ctx context.Context, _ string, tlsConfig *tls.Config, config *quic.Config) (*quic.Conn, error) {
				config.MaxIdleTimeout = time.Hour
				return sim.client.DialEarly(ctx, serverAddress, tlsConfig, config)
			},
		}
		defer transport.Close()
		_, session, err := transport.Dial(context.Background(), "https://192.0.2.1"+Path, nil)
		if err != nil {
			t.Fatal(err)
		}
		control, err := session.OpenStream()
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			control.Write(encoded(frame.Ping, ""))
			time.Sleep(quicIdleTimeout - time.Second)
		}
		select {
		case o := <-sim.outcome:
			t.Fatalf("the session ended: %v", o.err)
		default:
		}
		began := time.Now()
		<-sim.outcome
		if waited := time.Since(began); waited > 2*time.Second {
			t.Errorf("the session ended after another %s, want about 1 s", waited)
		}
	})
}

// A connection that asks for nothing is not kept.
func TestIdleConnection(t *testing.T) {
	identity()
	synctest.Test(t, func(t *testing.T) {
		conn := simulate(t).quic()
		began := time.Now()
		<-conn.Context().Done()
		if waited := time.Since(began); waited < requestTimeout || waited > requestTimeout+time.Second {
			t.Errorf("the connection was kept for %s, want %s", waited, requestTimeout)
		}
	})
}

// simulatedTLS trusts the certificate whatever the time: bubbles begin in the year 2000.
func simulatedTLS() *tls.Config {
	config := clientTLS(http3.NextProtoH3)
	config.InsecureSkipVerify = true
	return config
}
