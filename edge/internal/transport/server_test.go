package transport

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/quic-go/quic-go/http3"

	"weir/proto/fault"
	"weir/proto/frame"
)

func TestSubprotocol(t *testing.T) {
	r := start(t, Config{}, echo)
	t.Run("webtransport, another", func(t *testing.T) {
		_, session, err := openWebTransport(t, r, nil, "weir.99")
		if err != nil {
			t.Fatal(err)
		}
		_, err = session.AcceptStream(dialContext(t))
		contains(t, err, "version_unsupported: ")
	})
	t.Run("webtransport, several", func(t *testing.T) {
		_, session, err := openWebTransport(t, r, nil, "weir.99", Subprotocol)
		if err != nil {
			t.Fatal(err)
		}
		if got := session.SessionState().ApplicationProtocol; got != Subprotocol {
			t.Errorf("chose %q", got)
		}
	})
	t.Run("webtransport, none", func(t *testing.T) {
		_, session, err := openWebTransport(t, r, nil)
		if err != nil {
			t.Fatal(err)
		}
		stream, err := session.OpenStream()
		if err != nil {
			t.Fatal(err)
		}
		stream.Write(encoded(frame.Hello, "a"))
		if got, _, err := frame.NewReader(byteReader{stream}, 10).Next(); got != frame.Hello || err != nil {
			t.Errorf("got %s, %v", got, err)
		}
	})
	for name, offered := range map[string][]string{"another": {"weir.99"}, "none": nil} {
		t.Run("websocket, "+name, func(t *testing.T) {
			_, response, err := websocket.Dial(dialContext(t), r.url(), &websocket.DialOptions{
				HTTPClient: httpClient(t), Subprotocols: offered,
			})
			if err == nil {
				t.Fatal("accepted")
			}
			refusedWith(t, response, http.StatusBadRequest, fault.VersionMismatch)
		})
	}
}

func httpClient(t *testing.T) *http.Client {
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: clientTLS(), ForceAttemptHTTP2: true}}
	t.Cleanup(client.CloseIdleConnections)
	return client
}

func refusedWith(t *testing.T, response *http.Response, status int, code fault.Code) {
	t.Helper()
	if response == nil {
		t.Fatal("no response")
	}
	if response.StatusCode != status || response.Header.Get(faultHeader) != string(code) {
		t.Errorf("status %s, fault %q, want %d, %q", response.Status, response.Header.Get(faultHeader), status, code)
	}
}

func TestOrigins(t *testing.T) {
	tests := []struct {
		allowed []string
		origin  string
		ok      bool
	}{
		{nil, "", true},
		{nil, "https://relay.example", true},
		{nil, "http://relay.example:8080", true},
		{nil, "https://other.example", false},
		{nil, "https://relay.example.evil.example", false},
		{nil, "null", false},
		{nil, "http://%zz", false},
		{[]string{"*"}, "https://other.example", true},
		{[]string{"*"}, "null", true},
		{[]string{"https://app.example"}, "https://app.example", true},
		{[]string{"https://app.example"}, "HTTPS://APP.example", true},
		{[]string{"https://app.example"}, "http://app.example", false},
		{[]string{"https://app.example"}, "https://app.example:444", false},
		{[]string{"https://app.example"}, "https://relay.example", false},
		{[]string{"https://app.example:*"}, "https://app.example:444", true},
		{[]string{"https://*.app.example"}, "https://a.b.app.example", true},
		{[]string{"https://*.app.example"}, "https://app.example", false},
		{[]string{"https://*.app.example"}, "https://evilapp.example", false},
		{[]string{"http://[::1]:3000"}, "http://[::1]:3000", true},
		{[]string{"http://[::1]:3000"}, "http://[::1]:3001", false},
	}
	for _, test := range tests {
		o, err := parseOrigins(test.allowed)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodGet, "https://relay.example:8443/weir", nil)
		r.Header.Set("Origin", test.origin)
		if f := o.check(r); (f == nil) != test.ok {
			t.Errorf("%v allows %q: %v, want %v", test.allowed, test.origin, f, test.ok)
		}
	}
	loopback := httptest.NewRequest(http.MethodGet, "https://127.0.0.1:8443/weir", nil)
	loopback.Header.Set("Origin", "http://localhost:8080")
	if f := new(origins).check(loopback); f != nil {
		t.Errorf("a page of this machine is refused: %v", f)
	}
	for _, bad := range []string{"", "app.example", "https://", "https://a/b", "https://a*.example", "https://*", "://a"} {
		if _, err := parseOrigins([]string{bad}); err == nil {
			t.Errorf("%q is taken for an origin", bad)
		}
	}
}

func TestOriginIsRefused(t *testing.T) {
	r := start(t, Config{Origins: []string{"https://app.example"}}, func(_ context.Context, c Conn) {
		c.WriteControl(encoded(frame.Pong, c.Origin()))
	})
	header := func(origin string) http.Header { return http.Header{"Origin": {origin}} }
	_, response, err := websocket.Dial(dialContext(t), r.url(), &websocket.DialOptions{
		HTTPClient: httpClient(t), Subprotocols: []string{Subprotocol}, HTTPHeader: header("https://evil.example"),
	})
	if err == nil {
		t.Fatal("accepted")
	}
	refusedWith(t, response, http.StatusForbidden, fault.PermissionDenied)
	response, _, err = openWebTransport(t, r, header("https://evil.example"), Subprotocol)
	if err == nil {
		t.Fatal("accepted")
	}
	refusedWith(t, response, http.StatusForbidden, fault.PermissionDenied)
	dialWebSocketAt(t, r.url(), header("https://app.example")).expect(frame.Pong, "https://app.example")
}

func TestOtherRequests(t *testing.T) {
	r := start(t, Config{HTTP: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Proto, " ", r.URL.Path)
	})}, echo)
	url := "https://" + r.Addr().String()
	over3 := &http3.Transport{TLSClientConfig: clientTLS()}
	t.Cleanup(func() { over3.Close() })
	over1 := &http.Transport{TLSClientConfig: clientTLS()}
	t.Cleanup(over1.CloseIdleConnections)
	for want, client := range map[string]*http.Client{
		"HTTP/1.1 /a": {Transport: over1}, "HTTP/2.0 /a": httpClient(t), "HTTP/3.0 /a": {Transport: over3},
	} {
		response, err := client.Get(url + "/a")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || string(body) != want {
			t.Errorf("got %q, %v, want %q", body, err, want)
		}
	}
	response, err := (&http.Client{Transport: over3}).Get(url + Path)
	if err != nil {
		t.Fatal(err)
	}
	refusedWith(t, response, http.StatusBadRequest, fault.ProtocolViolation)
	response.Body.Close()
	if response, err = httpClient(t).Get(url + Path); err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusBadRequest {
		t.Errorf("a plain request at %s: %s", Path, response.Status)
	}
}

// A relay for development serves its pages by plain HTTP, and sessions beside them.
func TestWebSocketOnAnotherServer(t *testing.T) {
	r := start(t, Config{}, echo)
	mux := http.NewServeMux()
	mux.Handle("/elsewhere", r.WebSocket())
	pages := httptest.NewServer(mux)
	defer pages.Close()
	p := dialWebSocketAt(t, pages.URL+"/elsewhere", nil)
	p.send(frame.Ping, "a")
	p.expect(frame.Ping, "a")
	r.stop()
	_, response, err := websocket.Dial(dialContext(t), pages.URL+"/elsewhere", &websocket.DialOptions{Subprotocols: []string{Subprotocol}})
	if err == nil {
		t.Fatal("accepted by a server that has stopped")
	}
	refusedWith(t, response, http.StatusServiceUnavailable, fault.Draining)
	http.DefaultClient.CloseIdleConnections()
}

func TestDrainRefusesNewcomers(t *testing.T) {
	r := start(t, Config{}, echo)
	p := dialWebTransport(t, r)
	p.send(frame.Ping, "a")
	p.expect(frame.Ping, "a")
	r.Drain()
	if _, _, err := openWebTransport(t, r, nil, Subprotocol); err == nil {
		t.Error("WebTransport is accepted")
	}
	_, response, err := websocket.Dial(dialContext(t), r.url(), &websocket.DialOptions{HTTPClient: httpClient(t), Subprotocols: []string{Subprotocol}})
	if err == nil {
		t.Fatal("WebSocket is accepted")
	}
	refusedWith(t, response, http.StatusServiceUnavailable, fault.Draining)
	p.send(frame.Ping, "b")
	p.expect(frame.Ping, "b")
}

func TestLocalhostHasBothAddresses(t *testing.T) {
	probe, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip("this machine has no IPv6")
	}
	probe.Close()
	r := start(t, Config{Address: "localhost:0"}, echo)
	port := r.Addr().(*net.TCPAddr).Port
	for _, host := range []string{"127.0.0.1", "::1"} {
		at := net.JoinHostPort(host, fmt.Sprint(port))
		dialWebSocketAt(t, "https://"+at+Path, nil)
		transport := &http3.Transport{TLSClientConfig: clientTLS()}
		response, err := (&http.Client{Transport: transport}).Get("https://" + at + "/")
		if err != nil {
			t.Fatalf("%s by UDP: %v", host, err)
		}
		response.Body.Close()
		transport.Close()
	}
}

func TestAddressesThatCannotBeHad(t *testing.T) {
	leaks(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, address := range []string{"", "127.0.0.1", "127.0.0.1:port", taken.Addr().String(), "203.0.113.1:0"} {
		if s, err := Listen(Config{Address: address, GetCertificate: testCertificate, Logger: quiet()}); err == nil {
			t.Errorf("listens on %q: %v", address, s.Addr())
		}
	}
	if _, err := Listen(Config{Address: "127.0.0.1:0", Origins: []string{"x"}, GetCertificate: testCertificate, Logger: quiet()}); err == nil {
		t.Error("a bad origin is accepted")
	}
}

func TestSmallBuffersAreReportedOnce(t *testing.T) {
	var log bytes.Buffer
	s := &Server{logger: slog.New(slog.NewTextHandler(&log, nil)), sockets: &sockets{}}
	for range 2 {
		socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		defer socket.Close()
		if err := socket.SetReadBuffer(1 << 16); err != nil {
			t.Fatal(err)
		}
		s.sockets.udp = append(s.sockets.udp, socket)
	}
	s.warnOfSmallBuffers()
	if n := strings.Count(log.String(), "sysctl"); n != 1 {
		t.Errorf("said %d times, want once: %s", n, log.String())
	}
}

func TestTCPConnectionsAreBounded(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := newBoundedListener(inner, 1)
	defer l.Close()
	accepted := make(chan net.Conn)
	go func() {
		defer close(accepted)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	dial := func() net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	dial()
	first := receive(t, accepted)
	if _, err := dial().Read(make([]byte, 1)); err == nil {
		t.Error("a second connection is served")
	}
	first.Close()
	first.Close() // counts once
	dial()
	receive(t, accepted).Close()
	if open := l.open.Load(); open != 0 {
		t.Errorf("%d connections are counted", open)
	}
}

var metricName = regexp.MustCompile("`(weir_transport_[a-z_]+)`")

func TestMetricsAreDocumented(t *testing.T) {
	r := start(t, Config{}, echo)
	families, err := r.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var registered []string
	for _, family := range families {
		registered = append(registered, family.GetName())
	}
	text, err := os.ReadFile("METRICS.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for _, match := range metricName.FindAllStringSubmatch(string(text), -1) {
		documented = append(documented, match[1])
	}
	slices.Sort(documented)
	if !slices.Equal(registered, documented) {
		t.Errorf("registered %v\ndocumented %v", registered, documented)
	}
}

func TestTLS(t *testing.T) {
	r := start(t, Config{}, echo)
	old := clientTLS("http/1.1")
	old.MaxVersion = tls.VersionTLS11
	if c, err := tls.Dial("tcp", r.Addr().String(), old); err == nil {
		c.Close()
		t.Error("TLS 1.1 is spoken")
	}
}
