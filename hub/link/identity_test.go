package link_test

import (
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"weir/hub/ca"
	"weir/hub/internal/linktest"
	"weir/hub/internal/linkwire"
	"weir/hub/link"
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// Whoever has no certificate of this region's authority gets nowhere.
func TestOnlyEdgesAreLetIn(t *testing.T) {
	s := serve(t, &linktest.Hub{})
	other := t.TempDir()
	if _, err := link.EnsureIdentity(other, "hub-1", time.Now(), quiet); err != nil {
		t.Fatal(err)
	}
	stranger, err := link.EdgeTLS(filepath.Join(other, link.Folder))
	if err != nil {
		t.Fatal(err)
	}
	stranger.VerifyConnection = s.edge.VerifyConnection // it knows the hub, the hub does not know it
	nobody := s.edge.Clone()
	nobody.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &tls.Certificate{}, nil }
	for name, config := range map[string]*tls.Config{"no certificate": nobody, "another authority's": stranger} {
		conn, err := s.dial(t, config)
		if err == nil { // in TLS 1.3 the client is done before the server has looked at its certificate
			_, err = conn.AcceptStream(t.Context())
		}
		if err == nil || !strings.Contains(err.Error(), "tls") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !strings.Contains(s.log.String(), "made by none of the authorities") {
		t.Errorf("the hub has not said why: %s", s.log.String())
	}
	wrong := s.edge.Clone()
	wrong.NextProtos = []string{"h3"}
	if _, err := s.dial(t, wrong); err == nil {
		t.Error("another protocol is let in")
	}
}

func TestAnEdgeIsNoHub(t *testing.T) {
	s := serve(t, &linktest.Hub{})
	certificates, err := ca.Open(ca.Config{Dir: s.dir, Role: ca.Edge})
	if err != nil {
		t.Fatal(err)
	}
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	transport := &quic.Transport{Conn: socket}
	defer transport.Close()
	listener, err := transport.Listen(certificates.Server(linkwire.Protocol, ca.Edge), linkwire.HubConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, err = quic.DialAddr(t.Context(), listener.Addr().String(), s.edge, linkwire.EdgeConfig())
	if !errors.Is(err, ca.ErrRole) {
		t.Errorf("an edge's certificate is taken for a hub's: %v", err)
	}
}

func TestEdgeTLSSaysWhatIsMissing(t *testing.T) {
	if _, err := link.EdgeTLS(t.TempDir()); err == nil || !strings.Contains(err.Error(), ca.FileCA) {
		t.Errorf("EdgeTLS = %v", err)
	}
}
