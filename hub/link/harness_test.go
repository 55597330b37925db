package link_test

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/quic-go/quic-go"
	"go.uber.org/goleak"

	"weir/hub/internal/linktest"
	"weir/hub/internal/linkwire"
	"weir/hub/internal/logtest"
	"weir/hub/link"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A server is a hub's side of the link on loopback, and what an edge needs to speak to it.
type server struct {
	addr     net.Addr
	edge     *tls.Config
	dir      string // of the certificates
	log      *logtest.Buffer
	registry *prometheus.Registry
}

func serve(t *testing.T, h link.Hub) *server {
	t.Helper()
	s := &server{log: &logtest.Buffer{}, registry: prometheus.NewRegistry()}
	logger := slog.New(slog.NewTextHandler(s.log, nil))
	data := t.TempDir()
	s.dir = data + "/" + link.Folder
	identity, err := link.EnsureIdentity(data, "hub-1", time.Now(), logger)
	if err != nil {
		t.Fatal(err)
	}
	if s.edge, err = link.EdgeTLS(s.dir); err != nil {
		t.Fatal(err)
	}
	stats, _ := h.(link.FilterStats)
	server, err := link.New(link.Config{Hub: h, Identity: identity, Node: "hub-1", Stats: stats, Logger: logger, Registerer: s.registry})
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	s.addr = conn.LocalAddr()
	ctx, stop := context.WithCancel(context.Background())
	serving := make(chan error, 1)
	go func() { serving <- server.Serve(ctx, conn) }()
	t.Cleanup(func() {
		stop()
		if err := <-serving; err != nil {
			t.Error(err)
		}
	})
	return s
}

// dial connects as an edge does, up to the TLS handshake, and closes the connection when the test ends.
func (s *server) dial(t *testing.T, config *tls.Config) (*quic.Conn, error) {
	t.Helper()
	conn, err := quic.DialAddr(t.Context(), s.addr.String(), config, linkwire.EdgeConfig())
	if err == nil {
		t.Cleanup(func() { _ = conn.CloseWithError(linkwire.CodeDone, "") })
	}
	return conn, err
}

// closedWith waits until the peer has closed the connection and returns its code.
func closedWith(t *testing.T, conn *quic.Conn) quic.ApplicationErrorCode {
	t.Helper()
	select {
	case <-conn.Context().Done():
	case <-time.After(10 * time.Second):
		t.Fatal("the connection is not closed")
	}
	var closed *quic.ApplicationError
	if err := context.Cause(conn.Context()); !errors.As(err, &closed) || !closed.Remote {
		t.Fatalf("closed with %v", err)
	}
	return closed.ErrorCode
}

var _ link.Hub = (*linktest.Hub)(nil)
