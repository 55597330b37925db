package link_test

import (
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"weir/hub/internal/linktest"
	"weir/hub/internal/linkwire"
	"weir/hub/link"
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// files reads all files of an identity.
func files(t *testing.T, data string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(data, link.Folder))
	if err != nil {
		t.Fatal(err)
	}
	content := map[string]string{}
	for _, entry := range entries {
		b, err := os.ReadFile(filepath.Join(data, link.Folder, entry.Name()))
		if err != nil {
			t.Fatal(err)
		}
		content[entry.Name()] = string(b)
		info, err := entry.Info()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(entry.Name(), "key") && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", entry.Name(), info.Mode())
		}
	}
	return content
}

func ensure(t *testing.T, data string, now time.Time) map[string]string {
	t.Helper()
	if _, err := link.EnsureIdentity(data, now, quiet); err != nil {
		t.Fatal(err)
	}
	return files(t, data)
}

func TestIdentityIsMadeOnceAndRenewed(t *testing.T) {
	data := t.TempDir()
	now := time.Now()
	first := ensure(t, data, now)
	if len(first) != 6 {
		t.Errorf("files: %d, want 6", len(first))
	}
	for name, content := range ensure(t, data, now.AddDate(4, 0, 0)) {
		if content != first[name] {
			t.Errorf("%s has changed though it was good", name)
		}
	}
	later := ensure(t, data, now.AddDate(4, 11, 0))
	for _, name := range []string{link.FileHub, link.FileEdge, link.FileEdgeKey} {
		if later[name] == first[name] {
			t.Errorf("%s was not renewed", name)
		}
	}
	if later[link.FileCA] != first[link.FileCA] {
		t.Error("the authority has changed: all edges are locked out")
	}
}

func TestIdentityWithoutAuthoritysKey(t *testing.T) {
	data := t.TempDir()
	now := time.Now()
	ensure(t, data, now)
	if err := os.Remove(filepath.Join(data, link.Folder, link.FileCAKey)); err != nil {
		t.Fatal(err)
	}
	ensure(t, data, now)
	ensure(t, data, now.AddDate(4, 11, 0)) // warns: it can't renew, and goes on with what there is
	if err := os.Remove(filepath.Join(data, link.Folder, link.FileHub)); err != nil {
		t.Fatal(err)
	}
	if _, err := link.EnsureIdentity(data, now, quiet); err == nil || !strings.Contains(err.Error(), link.FileCAKey) {
		t.Errorf("EnsureIdentity = %v, want an error that names %s", err, link.FileCAKey)
	}
}

// A folder that is not whole must not lead to a new authority, which would lock out all edges without a word.
func TestIdentityRefusesHalfAFolder(t *testing.T) {
	for name, damage := range map[string]func(dir string) error{
		"no authority": func(dir string) error { return os.Remove(filepath.Join(dir, link.FileCA)) },
		"no key":       func(dir string) error { return os.Remove(filepath.Join(dir, link.FileHubKey)) },
		"noise":        func(dir string) error { return os.WriteFile(filepath.Join(dir, link.FileHub), []byte("x"), 0o600) },
		"wrong key": func(dir string) error {
			return os.Rename(filepath.Join(dir, link.FileEdgeKey), filepath.Join(dir, link.FileHubKey))
		},
	} {
		data := t.TempDir()
		ensure(t, data, time.Now())
		if err := damage(filepath.Join(data, link.Folder)); err != nil {
			t.Fatal(err)
		}
		before := files(t, data)
		if _, err := link.EnsureIdentity(data, time.Now(), quiet); err == nil {
			t.Errorf("%s: no error", name)
		}
		if len(files(t, data)) != len(before) {
			t.Errorf("%s: files were made", name)
		}
	}
}

// Whoever has no certificate of this region's authority gets nowhere, and an edge's is no hub's.
func TestOnlyEdgesAreLetIn(t *testing.T) {
	s := serve(t, &linktest.Hub{})
	other := t.TempDir()
	ensure(t, other, time.Now())
	stranger, err := link.EdgeTLS(filepath.Join(other, link.Folder))
	if err != nil {
		t.Fatal(err)
	}
	stranger.RootCAs = s.edge.RootCAs // it knows the hub, the hub does not know it
	nobody := s.edge.Clone()
	nobody.Certificates = nil
	for name, config := range map[string]*tls.Config{"no certificate": nobody, "another authority's": stranger} {
		conn, err := s.dial(t, config)
		if err == nil { // in TLS 1.3 the client is done before the server has looked at its certificate
			_, err = conn.AcceptStream(t.Context())
		}
		if err == nil || !strings.Contains(err.Error(), "tls") {
			t.Errorf("%s: %v", name, err)
		}
	}
	wrong := s.edge.Clone()
	wrong.NextProtos = []string{"h3"}
	if _, err := s.dial(t, wrong); err == nil {
		t.Error("another protocol is let in")
	}
}

func TestAnEdgeIsNoHub(t *testing.T) {
	s := serve(t, &linktest.Hub{})
	impostor := &tls.Config{Certificates: s.edge.Certificates, NextProtos: []string{linkwire.Protocol}}
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	transport := &quic.Transport{Conn: socket}
	defer transport.Close()
	listener, err := transport.Listen(impostor, linkwire.HubConfig())
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, err = quic.DialAddr(t.Context(), listener.Addr().String(), s.edge, linkwire.EdgeConfig())
	if err == nil || !strings.Contains(err.Error(), linkwire.RoleEdge) {
		t.Errorf("an edge's certificate is taken for a hub's: %v", err)
	}
}

func TestEdgeTLSSaysWhatIsMissing(t *testing.T) {
	if _, err := link.EdgeTLS(t.TempDir()); err == nil || !strings.Contains(err.Error(), link.FileCA) {
		t.Errorf("EdgeTLS = %v", err)
	}
}
