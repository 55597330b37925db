package hubclient_test

import (
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/quic-go/quic-go"

	"weir/hub/hubclient"
	"weir/hub/internal/linkwire"
	"weir/hub/internal/logtest"
	"weir/hub/link"
	"weir/proto/fault"
	"weir/proto/linkpb"
)

// A badHub greets its edges and answers every request with the same bytes.
func badHub(t *testing.T, answer []byte) (*hubclient.Client, *logtest.Buffer, chan error) {
	t.Helper()
	log := &logtest.Buffer{}
	logger := slog.New(slog.NewTextHandler(log, nil))
	data := t.TempDir()
	if _, err := link.EnsureIdentity(data, "hub-1", time.Now(), logger); err != nil {
		t.Fatal(err)
	}
	edge, err := link.EdgeTLS(data + "/" + link.Folder)
	if err != nil {
		t.Fatal(err)
	}
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	transport := &quic.Transport{Conn: socket}
	listener, err := transport.Listen(hubTLS(t, data), linkwire.HubConfig())
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan error, 1)
	served := make(chan struct{})
	go func() {
		defer close(served)
		conn, err := listener.Accept(t.Context())
		if err != nil {
			return
		}
		for {
			stream, err := conn.AcceptStream(t.Context())
			if err != nil {
				closed <- err
				return
			}
			if stream.StreamID() == 0 {
				_ = linkwire.NewWriter(stream).Send(linkwire.Welcome, &linkpb.Welcome{}, linkwire.MaxPublished)
				continue
			}
			_, _ = stream.Write(answer)
		}
	}()
	t.Cleanup(func() { <-served; _ = transport.Close(); _ = socket.Close() })
	client, err := hubclient.New(hubclient.Config{Addrs: []string{socket.LocalAddr().String()}, TLS: edge, Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client, log, closed
}

func TestBadHubsAreLeft(t *testing.T) {
	for name, answer := range map[string][]byte{
		"noise":         []byte("HTTP/1.1 400 Bad Request\r\n\r\n"),
		"unknown frame": {0x3f, 0},
		"other frame":   {byte(linkwire.Published), 0},
		"too long":      {byte(linkwire.Feed), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		"no message":    {byte(linkwire.Feed), 1, 0xff},
	} {
		t.Run(name, func(t *testing.T) {
			client, log, closed := badHub(t, answer)
			if err := <-closed; !strings.Contains(err.Error(), "0x1") {
				t.Errorf("closed with %v, want the code of a violation", err)
			}
			if n := strings.Count(log.String(), "breaks the protocol"); n != 1 {
				t.Errorf("%d lines of log", n)
			}
			_ = client.Close()
			if err := client.Follow(t.Context(), "acme", "chat", nil, nil); fault.CodeOf(err) != fault.Unavailable {
				t.Errorf("Follow: %v", err)
			}
		})
	}
}
