package ca_test

import (
	"crypto/tls"
	"net"
	"testing"
	"time"

	"go.uber.org/goleak"

	"weir/hub/ca"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func issue(t *testing.T, a *ca.Authority, out, role, node string, life time.Duration) {
	t.Helper()
	request := ca.Request{Name: ca.Name{Role: ca.Role(role), Node: node}, Life: life}
	if _, err := a.Issue(out, request, time.Now()); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, dir string, role ca.Role) *ca.Identity {
	t.Helper()
	identity, err := ca.Open(ca.Config{Dir: dir, Role: role, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	return identity
}

// A shaken is the outcome of a handshake on each side.
type shaken struct {
	client, server error
	peer           ca.Name // that the server has seen
}

// shake lets a client and a server meet.
func shake(t *testing.T, client, server *tls.Config) (s shaken) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := listener.Accept()
		if err != nil {
			s.server = err
			return
		}
		defer conn.Close()
		secured := tls.Server(conn, server)
		if s.server = secured.Handshake(); s.server == nil {
			s.peer, s.server = ca.PeerName(secured.ConnectionState())
			_, _ = secured.Write([]byte{1})
		}
	}()
	conn, err := tls.Dial("tcp", listener.Addr().String(), client)
	if err == nil { // in TLS 1.3 the server may refuse the client after that
		_, err = conn.Read(make([]byte, 1))
		_ = conn.Close()
	}
	s.client = err
	<-done
	return s
}
