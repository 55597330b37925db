package edgeclient_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"weir/edge"
	"weir/edge/edgeclient"
	"weir/edge/internal/fakehub"
	"weir/edge/token"
	"weir/filters"
	"weir/filters/examples"
	"weir/proto/fault"
	"weir/proto/weirpb"
)

// patience is how long a test waits for what must happen.
const patience = 20 * time.Second

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// hub is a fake one that also knows publications that were retried, as a real one does.
type hub struct {
	*fakehub.Hub
	mu   sync.Mutex
	last map[string]uint64          // sequence by producer and channel
	kept map[string]*weirpb.Receipt // by producer, channel and sequence
}

func newHub() *hub {
	return &hub{Hub: fakehub.New(), last: make(map[string]uint64), kept: make(map[string]*weirpb.Receipt)}
}

func (h *hub) Publish(tenant string, p *weirpb.Publication, done func(*weirpb.Receipt, error)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	lane := p.GetProducer() + " " + p.GetChannel()
	place := func(sequence uint64) string { return fmt.Sprint(lane, " ", sequence) }
	switch sequence, last := p.GetSequence(), h.last[lane]; {
	case sequence == 0:
	case sequence <= last:
		r := h.kept[place(sequence)]
		done(&weirpb.Receipt{Epoch: r.GetEpoch(), Offset: r.GetOffset(), Duplicate: true}, nil)
		return
	case sequence > last+1:
		done(nil, fault.New(fault.SequenceGap, "%d after %d", sequence, last))
		return
	}
	h.Hub.Publish(tenant, p, func(r *weirpb.Receipt, err error) {
		if err == nil && p.GetSequence() > 0 {
			h.last[lane] = p.GetSequence()
			h.kept[place(p.GetSequence())] = r
		}
		done(r, err)
	})
}

// relay is an edge over a fake hub, at an address of this machine, that can be killed and started again.
type relay struct {
	t       *testing.T
	hub     *hub
	token   string
	dir     string
	address string
	hash    string
	stop    func()
}

const jwk = `{"kty":"oct","kid":"k1","alg":"HS256","k":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"}`

// startRelay starts a relay, until the test ends.
func startRelay(t *testing.T) *relay {
	t.Helper()
	ignore := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, ignore) })
	r := &relay{t: t, hub: newHub(), dir: t.TempDir(), address: "127.0.0.1:0"}
	key, err := token.ParseJWK([]byte(jwk))
	if err != nil {
		t.Fatal(err)
	}
	signing, err := key.SigningKey("acme")
	if err != nil {
		t.Fatal(err)
	}
	r.hub.Put(signing)
	r.hub.PutFilter("acme", "viewport", examples.Viewport().Module)
	r.token, err = token.Mint(&token.Claims{
		Tenant: "acme", Subject: "ann", Expires: time.Now().Add(time.Hour), Subscribe: []string{"*"}, Publish: []string{"*"},
	}, key)
	if err != nil {
		t.Fatal(err)
	}
	r.start()
	t.Cleanup(func() { r.stop() })
	return r
}

// start serves at the relay's address, which it keeps.
func (r *relay) start() {
	r.t.Helper()
	engine, err := filters.New(context.Background(), filters.Config{CacheDir: r.dir, Logger: quiet()})
	if err != nil {
		r.t.Fatal(err)
	}
	server, err := edge.New(edge.Config{Upstream: r.hub, Filters: engine, Agent: "weir/test", Logger: quiet()})
	if err != nil {
		r.t.Fatal(err)
	}
	certificate, err := edge.OpenDevCertificate(r.dir, quiet())
	if err != nil {
		r.t.Fatal(err)
	}
	if r.hash, err = certificate.Hash(); err != nil {
		r.t.Fatal(err)
	}
	key, err := edge.ResetKey(r.dir)
	if err != nil {
		r.t.Fatal(err)
	}
	listener, err := server.Listen(edge.ListenConfig{
		Address: r.address, GetCertificate: certificate.GetCertificate, ResetKey: key, Logger: quiet(),
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.address = listener.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- listener.Serve(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		err := errors.Join(<-served, server.Close(), engine.Close(context.Background()))
		if err != nil {
			r.t.Errorf("stop the relay: %v", err)
		}
	})
}

// dial connects a client over one transport, until the test ends.
func (r *relay) dial(transport string) *edgeclient.Client {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := edgeclient.Dial(ctx, edgeclient.Config{
		URL: "https://" + r.address, Token: r.token, CertificateHashes: []string{r.hash}, Transports: []string{transport}, Logger: quiet(),
	})
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	return c
}

func bothTransports(t *testing.T, test func(t *testing.T, transport string)) {
	for _, transport := range []string{edgeclient.WebTransport, edgeclient.WebSocket} {
		t.Run(transport, func(t *testing.T) { test(t, transport) })
	}
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func next(t *testing.T, sub *edgeclient.Subscription) edgeclient.Message {
	t.Helper()
	m, err := sub.Next(within(t))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestPublishAndSubscribe(t *testing.T) {
	bothTransports(t, func(t *testing.T, transport string) {
		r := startRelay(t)
		c := r.dial(transport)
		if got := c.Status().Transport; got != transport {
			t.Errorf("connected over %s", got)
		}
		sub, err := c.Subscribe(within(t), "log:chat", edgeclient.SubscribeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		big := make([]byte, 64<<10)
		for i, payload := range [][]byte{[]byte("hello"), {}, big} {
			receipt, err := c.Publish(within(t), edgeclient.Publication{
				Channel: "log:chat", Payload: payload, ContentType: "text/plain", Headers: []edgeclient.Header{{Name: "a", Value: "b"}},
			})
			if err != nil {
				t.Fatal(err)
			}
			m := next(t, sub)
			if m.Type != edgeclient.Event || m.Cursor != receipt.Cursor || m.Cursor.Offset != uint64(i+1) ||
				string(m.Payload) != string(payload) || m.ContentType != "text/plain" || len(m.Headers) != 1 {
				t.Errorf("message %s %+v, receipt %+v", m.Type, m.Cursor, receipt)
			}
		}
		_, err = c.Publish(within(t), edgeclient.Publication{Channel: "nowhere:chat"})
		if fault.CodeOf(err) != fault.NamespaceUnknown {
			t.Errorf("error %v", err)
		}
		_, err = c.Subscribe(within(t), "nowhere:chat", edgeclient.SubscribeOptions{})
		if fault.CodeOf(err) != fault.NamespaceUnknown {
			t.Errorf("error %v", err)
		}
	})
}

// place is what the viewport filter reads.
func place(x, y int) []byte {
	payload, err := json.Marshal(map[string]float64{"lon": float64(x) + 0.5, "lat": float64(y) + 0.5})
	if err != nil {
		panic(err)
	}
	return payload
}

func box(west, south, east, north int) []byte {
	return fmt.Appendf(nil, `{"west":%d,"south":%d,"east":%d,"north":%d}`, west, south, east, north)
}

func TestViewFollowsItsParams(t *testing.T) {
	bothTransports(t, func(t *testing.T, transport string) {
		r := startRelay(t)
		for i := range 10 {
			r.hub.Add("acme", "state:planes", fmt.Sprint("plane-", i), string(place(i, i)))
		}
		c := r.dial(transport)
		sub, err := c.Subscribe(within(t), "state:planes", edgeclient.SubscribeOptions{
			Filters: []edgeclient.Filter{{Name: "viewport", Params: box(0, 0, 4, 4)}},
		})
		if err != nil {
			t.Fatal(err)
		}
		for !sub.Synced() {
			next(t, sub)
		}
		holds(t, sub, 0, 1, 2, 3)
		if err := sub.SetParams(within(t), box(2, 2, 6, 6)); err != nil {
			t.Fatal(err)
		}
		var told []string
		for range 4 {
			m := next(t, sub)
			told = append(told, m.Type.String()+" "+m.Key)
		}
		slices.Sort(told)
		if want := []string{"enter plane-4", "enter plane-5", "leave plane-0", "leave plane-1"}; !slices.Equal(told, want) {
			t.Errorf("told %v, want %v", told, want)
		}
		holds(t, sub, 2, 3, 4, 5)
		if err := sub.SetParams(within(t), []byte(`{"west":`)); fault.CodeOf(err) != fault.FilterParams {
			t.Errorf("error %v", err)
		}
		if _, err := c.Publish(within(t), edgeclient.Publication{Channel: "state:planes", Key: "plane-2", Delete: true}); err != nil {
			t.Fatal(err)
		}
		if m := next(t, sub); m.Type != edgeclient.Leave || m.Key != "plane-2" || !m.Deleted {
			t.Errorf("told %+v", m)
		}
		holds(t, sub, 3, 4, 5)
	})
}

func holds(t *testing.T, sub *edgeclient.Subscription, planes ...int) {
	t.Helper()
	var want []string
	for _, i := range planes {
		want = append(want, fmt.Sprint("plane-", i))
	}
	if got := slices.Sorted(maps.Keys(sub.View())); !slices.Equal(got, want) {
		t.Errorf("the view holds %v, want %v", got, want)
	}
}

// Sessions are cut again and again; everything arrives once and in order, and is published once.
func TestInterruptions(t *testing.T) {
	bothTransports(t, func(t *testing.T, transport string) {
		r := startRelay(t)
		c := r.dial(transport)
		sub, err := c.Subscribe(within(t), "log:chat", edgeclient.SubscribeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		const n = 60
		var pending []*edgeclient.Pending
		for i := range n {
			p, err := c.PublishAsync(within(t), edgeclient.Publication{Channel: "log:chat", Payload: fmt.Append(nil, i)})
			if err != nil {
				t.Fatal(err)
			}
			pending = append(pending, p)
			if i%20 == 10 {
				c.Interrupt()
			}
		}
		for i := range n {
			m := next(t, sub)
			if string(m.Payload) != fmt.Sprint(i) || m.Cursor.Offset != uint64(i+1) {
				t.Fatalf("message %d is %s at %d", i, m.Payload, m.Cursor.Offset)
			}
			receipt, err := pending[i].Wait(within(t))
			if err != nil || receipt.Cursor != m.Cursor {
				t.Errorf("publication %d: %+v, %v", i, receipt, err)
			}
		}
	})
}

// An edge is replaced by another one at the same address.
func TestRestart(t *testing.T) {
	bothTransports(t, func(t *testing.T, transport string) {
		r := startRelay(t)
		c := r.dial(transport)
		sub, err := c.Subscribe(within(t), "log:chat", edgeclient.SubscribeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		r.stop()
		r.start()
		r.hub.Add("acme", "log:chat", "", "meanwhile")
		if m := next(t, sub); string(m.Payload) != "meanwhile" {
			t.Errorf("got %+v", m)
		}
	})
}

// wire passes packets on between clients and a server that can be exchanged.
type wire struct {
	socket *net.UDPConn
	mu     sync.Mutex
	target *net.UDPAddr // guarded by mu
	client *net.UDPAddr // the last one; guarded by mu
	killed int          // port of a server whose packets are dropped, as are those to it; guarded by mu
	done   sync.WaitGroup
}

func startWire(t *testing.T, target string) *wire {
	t.Helper()
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{socket: socket}
	w.lead(t, target)
	w.done.Go(w.run)
	t.Cleanup(func() {
		socket.Close()
		w.done.Wait()
	})
	return w
}

func (w *wire) lead(t *testing.T, target string) {
	t.Helper()
	address, err := net.ResolveUDPAddr("udp", target)
	if err != nil {
		t.Fatal(err)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.target = address
}

// kill drops everything to and from the present server, its last words among it.
func (w *wire) kill() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.killed = w.target.Port
}

func (w *wire) run() {
	packet := make([]byte, 2048)
	for {
		n, from, err := w.socket.ReadFromUDP(packet)
		if err != nil {
			return
		}
		if to := w.route(from); to != nil {
			w.socket.WriteToUDP(packet[:n], to)
		}
	}
}

// route returns where a packet goes, nil for nowhere.
func (w *wire) route(from *net.UDPAddr) *net.UDPAddr {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case from.Port == w.killed:
		return nil
	case from.Port == w.target.Port:
		return w.client
	}
	w.client = from
	if w.target.Port == w.killed {
		return nil
	}
	return w.target
}

// A server that was killed could not say so. Its successor does, as soon as a client sends it anything.
func TestStatelessReset(t *testing.T) {
	r := startRelay(t)
	w := startWire(t, r.address)
	lost := make(chan edgeclient.Status, 8)
	c, err := edgeclient.Dial(within(t), edgeclient.Config{
		URL: "https://" + w.socket.LocalAddr().String(), Token: r.token, CertificateHashes: []string{r.hash},
		Transports: []string{edgeclient.WebTransport}, Logger: quiet(),
		OnState: func(s edgeclient.Status) {
			if s.State == edgeclient.Reconnecting {
				lost <- s
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	w.kill()
	r.stop()
	grave, err := net.ListenPacket("udp", r.address) // nobody else gets the port of the dead
	if err != nil {
		t.Fatal(err)
	}
	defer grave.Close()
	r.address = "127.0.0.1:0"
	r.start()
	w.lead(t, r.address)
	began := time.Now()
	if _, err := c.Publish(within(t), edgeclient.Publication{Channel: "log:chat", Payload: []byte("hello")}); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %s to notice and come back", took)
	}
	if err := (<-lost).Err; !strings.Contains(err.Error(), "stateless reset") {
		t.Errorf("it was lost for another reason: %v", err)
	}
}

// Where UDP is dead, sessions are over WebSocket.
func TestDeadUDP(t *testing.T) {
	r := startRelay(t)
	hole, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}) // nobody reads from it
	if err != nil {
		t.Fatal(err)
	}
	defer hole.Close()
	began := time.Now()
	c, err := edgeclient.Dial(within(t), edgeclient.Config{
		URL: "https://" + hole.LocalAddr().String(), WebSocketURL: "wss://" + r.address, Token: r.token,
		CertificateHashes: []string{r.hash}, Logger: quiet(),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got := c.Status().Transport; got != edgeclient.WebSocket {
		t.Errorf("connected over %s", got)
	}
	if took := time.Since(began); took < 500*time.Millisecond || took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestUntrustedCertificate(t *testing.T) {
	bothTransports(t, func(t *testing.T, transport string) {
		r := startRelay(t)
		ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
		defer cancel()
		_, err := edgeclient.Dial(ctx, edgeclient.Config{
			URL: "https://" + r.address, Token: r.token, Transports: []string{transport}, Logger: quiet(),
			CertificateHashes: []string{fmt.Sprintf("%064x", 1)},
		})
		if err == nil {
			t.Fatal("connected to a certificate with another hash")
		}
	})
}

func TestRefusedToken(t *testing.T) {
	bothTransports(t, func(t *testing.T, transport string) {
		r := startRelay(t)
		_, err := edgeclient.Dial(within(t), edgeclient.Config{
			URL: "https://" + r.address, Token: "nonsense", Transports: []string{transport}, Logger: quiet(),
			CertificateHashes: []string{r.hash},
		})
		if fault.CodeOf(err) != fault.Unauthenticated || !errors.Is(err, edgeclient.ErrClosed) {
			t.Errorf("error %v", err)
		}
	})
}
