package transport

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/webtransport-go"
	"go.uber.org/goleak"

	"weir/edge/internal/certs"
	"weir/proto/fault"
	"weir/proto/frame"
)

// patience is how long a test waits for what must happen.
const patience = 10 * time.Second

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// identity is a certificate for all tests, and a pool that trusts it.
var identity = sync.OnceValues(func() (*tls.Certificate, *x509.CertPool) {
	dir, err := os.MkdirTemp("", "weir-transport")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	dev, err := certs.OpenDev(dir, quiet())
	if err != nil {
		panic(err)
	}
	certificate, err := dev.GetCertificate(nil)
	if err != nil {
		panic(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(certificate.Leaf)
	return certificate, pool
})

func testCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	certificate, _ := identity()
	return certificate, nil
}

func clientTLS(protocols ...string) *tls.Config {
	_, pool := identity()
	return &tls.Config{RootCAs: pool, ServerName: "localhost", NextProtos: protocols}
}

// leaks checks, when the test is over, that no goroutine is left.
func leaks(t *testing.T) {
	ignore := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, ignore) })
}

// running is a server under test.
type running struct {
	*Server
	registry *prometheus.Registry
	stop     func()
}

// start serves with the handler until the test ends.
func start(t *testing.T, cfg Config, handler Handler) *running {
	t.Helper()
	leaks(t)
	if cfg.Address == "" {
		cfg.Address = "127.0.0.1:0"
	}
	registry := prometheus.NewRegistry()
	cfg.GetCertificate, cfg.Sessions, cfg.Registerer = testCertificate, handler, registry
	if cfg.Logger == nil {
		cfg.Logger = quiet()
	}
	if cfg.Limits.CloseTimeout == 0 {
		cfg.Limits.CloseTimeout = 200 * time.Millisecond
	}
	s, err := Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r := &running{Server: s, registry: registry}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	t.Cleanup(r.stop)
	return r
}

func (r *running) url() string { return "https://" + r.Addr().String() + Path }

// peer is a client of either transport.
type peer struct {
	t      *testing.T
	write  func([]byte) error
	frames func() (frame.Type, []byte, error) // frames of the control stream, or of the WebSocket
	close  func()

	session *webtransport.Session // nil for a WebSocket
	control *webtransport.Stream
	socket  *websocket.Conn
}

func (p *peer) send(t frame.Type, body string) {
	p.t.Helper()
	if err := p.write(encoded(t, body)); err != nil {
		p.t.Fatalf("send %s: %v", t, err)
	}
}

func (p *peer) expect(t frame.Type, body string) {
	p.t.Helper()
	gotType, gotBody, err := p.frames()
	if err != nil || gotType != t || string(gotBody) != body {
		p.t.Fatalf("got %s %q, %#v, want %s %q", gotType, clip(gotBody), err, t, clip([]byte(body)))
	}
}

func clip(b []byte) string { return string(b[:min(len(b), 40)]) }

// encoded returns a frame whose body is any bytes: a transport does not look into it.
func encoded(t frame.Type, body string) []byte {
	return append(frame.AppendHeader(nil, t, len(body)), body...)
}

// ended returns the error with which the connection ends, and fails if there is a frame instead.
func (p *peer) ended() error {
	p.t.Helper()
	got, _, err := p.frames()
	if err == nil {
		p.t.Fatalf("got %s, want the end", got)
	}
	return err
}

func dialContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func quicClient() *quic.Config {
	return &quic.Config{EnableDatagrams: true, EnableStreamResetPartialDelivery: true, MaxIdleTimeout: patience}
}

// openWebTransport opens a session, without a control stream.
func openWebTransport(t *testing.T, r *running, header http.Header, protocols ...string) (*http.Response, *webtransport.Session, error) {
	t.Helper()
	transport := &webtransport.Transport{
		TLSClientConfig: clientTLS(), QUICConfig: quicClient(), ApplicationProtocols: protocols,
	}
	response, session, err := transport.Dial(dialContext(t), r.url(), header)
	if err == nil {
		t.Cleanup(func() { session.CloseWithError(0, "") })
	}
	t.Cleanup(func() { transport.Close() })
	return response, session, err
}

func dialWebTransport(t *testing.T, r *running) *peer {
	t.Helper()
	_, session, err := openWebTransport(t, r, nil, Subprotocol)
	if err != nil {
		t.Fatal(err)
	}
	control, err := session.OpenStreamSync(dialContext(t))
	if err != nil {
		t.Fatal(err)
	}
	reader := frame.NewReader(byteReader{control}, frame.MaxFromServer)
	return &peer{
		t: t, session: session, control: control,
		write:  func(b []byte) error { _, err := control.Write(b); return err },
		frames: reader.Next,
		close:  func() { session.CloseWithError(0, "") },
	}
}

func dialWebSocket(t *testing.T, r *running) *peer {
	t.Helper()
	return dialWebSocketAt(t, r.url(), nil)
}

func dialWebSocketAt(t *testing.T, url string, header http.Header) *peer {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: clientTLS()}}
	t.Cleanup(client.CloseIdleConnections)
	socket, _, err := websocket.Dial(dialContext(t), url, &websocket.DialOptions{
		HTTPClient: client, HTTPHeader: header, Subprotocols: []string{Subprotocol},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.CloseNow() })
	socket.SetReadLimit(-1)
	m := &message{socket: socket, limit: 1 << 30}
	reader := frame.NewReader(m, frame.MaxFromServer)
	return &peer{
		t: t, socket: socket,
		write: func(b []byte) error { return socket.Write(context.Background(), websocket.MessageBinary, b) },
		frames: func() (frame.Type, []byte, error) {
			if err := m.open(); err != nil {
				return 0, nil, err
			}
			return reader.Next()
		},
		close: func() { socket.Close(websocket.StatusNormalClosure, "") },
	}
}

// both runs a test over each transport.
func both(t *testing.T, test func(t *testing.T, dial func(*testing.T, *running) *peer)) {
	t.Run(WebTransport, func(t *testing.T) { test(t, dialWebTransport) })
	t.Run(WebSocket, func(t *testing.T) { test(t, dialWebSocket) })
}

type byteReader struct{ io.Reader }

func (r byteReader) ReadByte() (byte, error) {
	var b [1]byte
	_, err := io.ReadFull(r, b[:])
	return b[0], err
}

// echo answers every frame with itself, on the control stream.
func echo(ctx context.Context, c Conn) {
	c.SetReadLimit(frame.MaxFromClient)
	for {
		t, body, err := c.ReadFrame(ctx)
		if err != nil {
			return
		}
		if err := c.WriteControl(encoded(t, string(body))); err != nil {
			return
		}
	}
}

// outcome is what a handler that reads until the end came to.
type outcome struct {
	err   error
	cause error // of the handler's context
}

// readOn answers HELLO and reads until there is an error, which it reports.
func readOn(outcomes chan<- outcome) Handler {
	return func(ctx context.Context, c Conn) {
		for {
			t, _, err := c.ReadFrame(ctx)
			if err == nil {
				if t == frame.Hello {
					c.WriteControl(encoded(frame.Welcome, ""))
				}
				continue
			}
			if f, ok := errors.AsType[*fault.Fault](err); ok {
				c.Close(f)
			}
			<-ctx.Done()
			outcomes <- outcome{err, context.Cause(ctx)}
			return
		}
	}
}

func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		t.Fatal("nothing happened")
		panic("unreachable")
	}
}

func contains(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want one with %q", err, want)
	}
}
