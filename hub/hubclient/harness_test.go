package hubclient_test

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"weir/hub/ca"
	"weir/hub/hubclient"
	"weir/hub/internal/linktest"
	"weir/hub/internal/linkwire"
	"weir/hub/internal/logtest"
	"weir/hub/link"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A region is a hub and an edge's client of it, on a simulated network with virtual time.
type region struct {
	hub     link.Hub
	network *linktest.Network
	client  *hubclient.Client
	log     *logtest.Buffer

	hubSocket net.PacketConn
	identity  *link.Identity
	stop      context.CancelFunc
	serving   chan error
}

// timeout is how long publications wait for their answer: longer than any of the tests' disturbances.
const timeout = 5 * time.Minute

// inRegion runs a test in virtual time.
func inRegion(t *testing.T, h link.Hub, test func(t *testing.T, r *region)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		log := &logtest.Buffer{}
		logger := slog.New(slog.NewTextHandler(log, nil))
		identity, err := link.EnsureIdentity(dir, "hub-1", time.Now(), logger)
		if err != nil {
			t.Fatal(err)
		}
		edge, err := link.EdgeTLS(dir + "/" + link.Folder)
		if err != nil {
			t.Fatal(err)
		}
		edge.Time = time.Now // that of the test
		network, hubSocket, edgeSocket := linktest.NewNetwork(t)
		r := &region{hub: h, network: network, log: log, hubSocket: hubSocket, identity: identity}
		r.start(t)
		r.client, err = hubclient.New(hubclient.Config{
			Addrs: []string{hubSocket.LocalAddr().String()}, TLS: edge, Agent: "test", Logger: logger,
			Timeout: timeout,
			Listen:  func() (net.PacketConn, error) { return edgeSocket, nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		test(t, r)
		if t.Failed() {
			t.Log(log.String())
		}
		if err := r.client.Close(); err != nil {
			t.Error(err)
		}
		r.shutdown(t)
		if err := network.Close(); err != nil {
			t.Error(err)
		}
		_ = hubSocket.Close()
	})
}

// start starts a hub process.
func (r *region) start(t *testing.T) {
	t.Helper()
	server, err := link.New(link.Config{Hub: r.hub, Identity: r.identity, Node: "hub-1", Logger: slog.New(slog.NewTextHandler(r.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	r.stop, r.serving = stop, make(chan error, 1)
	serving := r.serving
	go func() { serving <- server.Serve(ctx, linktest.Socket{PacketConn: r.hubSocket}) }()
}

// shutdown ends the hub process in good order.
func (r *region) shutdown(t *testing.T) {
	t.Helper()
	r.stop()
	if err := <-r.serving; err != nil {
		t.Error(err)
	}
}

// hubTLS is how the hub with this data folder shows who it is, without a look at its edges.
func hubTLS(t *testing.T, data string) *tls.Config {
	t.Helper()
	folder := data + "/" + link.Folder + "/"
	certificate, err := tls.LoadX509KeyPair(folder+ca.CertificateFile(ca.Hub), folder+ca.KeyFile(ca.Hub))
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{linkwire.Protocol}}
}
