package session_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"weir/edge/internal/fakeconn"
	"weir/edge/internal/fakefilter"
	"weir/edge/internal/fakehub"
	"weir/edge/internal/fanout"
	"weir/edge/internal/metrics"
	"weir/edge/internal/mirror"
	"weir/edge/internal/session"
	"weir/edge/token"
	"weir/proto/frame"
	"weir/proto/weirpb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A rig is a host over a hub in memory, with the filter "range".
type rig struct {
	t       testing.TB
	hub     *fakehub.Hub
	mirror  *mirror.Mirror
	shelf   *mirror.Shelf
	table   *fanout.Table
	host    *session.Host
	key     *token.PrivateKey
	module  *fakefilter.Range
	modules map[string]*fakefilter.Range // what modules are other than module
	log     *lockedBuffer
	metrics *metrics.Metrics
	clients sync.WaitGroup
	// canaryFailed is what sessions are told of every canary.
	canaryFailed atomic.Bool
}

// lockedBuffer is a log.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// openFilter is a module of the fake hub: the range filter.
type openFilter struct{ *fakefilter.Range }

func (openFilter) Close() error { return nil }

func newRig(t testing.TB) *rig {
	t.Helper()
	m, err := metrics.New(prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{
		t: t, hub: fakehub.New(), module: &fakefilter.Range{}, modules: map[string]*fakefilter.Range{}, log: &lockedBuffer{}, metrics: m,
	}
	log := slog.New(slog.NewTextHandler(r.log, nil))
	r.key = newKey(t, "key-1")
	r.putKey(r.key)
	r.hub.PutFilter("acme", "range", []byte("range module"))
	r.mirror = mirror.New(r.hub, log, m)
	r.shelf = mirror.NewShelf(r.hub, r.open, log, m)
	r.table = fanout.New(fanout.Config{
		Upstream: r.hub, Logger: log, Metrics: m, Limits: fanout.Limits{Channels: 100, GroupsPerChannel: 100, StateBytes: 1 << 30},
	})
	r.host = session.NewHost(session.Config{
		Agent: "weir/test", Upstream: r.hub, Mirror: r.mirror, Shelf: r.shelf, Table: r.table, Logger: log, Metrics: m,
		Sessions: 10, TenantSessions: 5, CanaryFailed: func(*weirpb.FilterVersion) bool { return r.canaryFailed.Load() },
	})
	r.mirror.Start(r.host.Recheck)
	return r
}

func (r *rig) open(_ context.Context, _ *weirpb.FilterVersion, module []byte) (mirror.Module, error) {
	if other := r.modules[string(module)]; other != nil {
		return openFilter{other}, nil
	}
	return openFilter{r.module}, nil
}

func (r *rig) close() {
	r.host.Close()
	r.clients.Wait()
	r.mirror.Close()
	r.table.Close()
	r.shelf.Close()
}

// inBubble runs a test in virtual time with a rig that it closes.
func inBubble(t *testing.T, f func(t *testing.T, r *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		defer r.close()
		f(t, r)
	})
}

func newKey(t testing.TB, id string) *token.PrivateKey {
	t.Helper()
	secret := make([]byte, 32)
	rand.Read(secret)
	jwk, err := json.Marshal(map[string]any{"kty": "oct", "kid": id, "alg": "HS256", "k": secret})
	if err != nil {
		t.Fatal(err)
	}
	jwk = bytes.ReplaceAll(bytes.ReplaceAll(bytes.ReplaceAll(jwk, []byte("+"), []byte("-")), []byte("/"), []byte("_")), []byte("=\""), []byte("\""))
	key, err := token.ParseJWK(jwk)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (r *rig) putKey(key *token.PrivateKey) {
	r.t.Helper()
	verifier, err := key.SigningKey("acme")
	if err != nil {
		r.t.Fatal(err)
	}
	r.hub.Put(verifier)
}

// mint returns a token of a user who may do everything in an hour's time, after edit has changed what it claims.
func (r *rig) mint(edit func(*token.Claims)) string {
	r.t.Helper()
	claims := &token.Claims{
		Tenant: "acme", Subject: "alice", Expires: time.Now().Add(time.Hour).Truncate(time.Second),
		Subscribe: []string{"*"}, Publish: []string{"*"},
	}
	if edit != nil {
		edit(claims)
	}
	signed, err := token.Mint(claims, r.key)
	if err != nil {
		r.t.Fatal(err)
	}
	return signed
}

// A client is a connection that is being served.
type client struct {
	*fakeconn.Conn
	t    testing.TB
	done chan struct{} // closed when the session is over
}

// connect opens a connection without saying anything.
func (r *rig) connect() *client {
	c := &client{Conn: fakeconn.New(), t: r.t, done: make(chan struct{})}
	r.clients.Go(func() {
		defer close(c.done)
		r.host.Serve(context.Background(), c.Conn)
	})
	return c
}

// welcome opens a session.
func (r *rig) welcome(edit func(*token.Claims)) *client {
	r.t.Helper()
	c := r.connect()
	c.Send(frame.Hello, &weirpb.Hello{Token: r.mint(edit), Agent: "test/1"})
	c.expect(frame.Welcome, &weirpb.Welcome{})
	return c
}

// expect reads exactly one frame from the control stream.
func (c *client) expect(kind frame.Type, m proto.Message) {
	c.t.Helper()
	synctest.Wait()
	frames := c.Control()
	if len(frames) != 1 || frames[0].Type != kind {
		c.t.Fatalf("got %s, want one %s", show(frames), kind)
	}
	if err := frame.Decode(frames[0].Body, m); err != nil {
		c.t.Fatalf("%s: %v", kind, err)
	}
}

// goodbye expects the session to end with a code.
func (c *client) goodbye(code string) *weirpb.Fault {
	c.t.Helper()
	synctest.Wait()
	frames := c.Control()
	if len(frames) == 0 || frames[len(frames)-1].Type != frame.Goodbye {
		c.t.Fatalf("got %s, want GOODBYE %s", show(frames), code)
	}
	m := &weirpb.Goodbye{}
	if err := frame.Decode(frames[len(frames)-1].Body, m); err != nil {
		c.t.Fatal(err)
	}
	if m.GetFault().GetCode() != code {
		c.t.Fatalf("got %v, want %s", m.GetFault(), code)
	}
	select {
	case <-c.done:
	default:
		c.t.Fatalf("the session goes on after GOODBYE %s", code)
	}
	return m.GetFault()
}

func show(frames []fakeconn.Frame) string {
	var out bytes.Buffer
	for _, f := range frames {
		fmt.Fprintf(&out, "%s ", f.Type)
		if f.Type == frame.Goodbye || f.Type == frame.Error {
			m := &weirpb.Goodbye{}
			if frame.Decode(f.Body, m) == nil {
				fmt.Fprintf(&out, "(%v) ", m.GetFault())
			}
		}
	}
	if out.Len() == 0 {
		return "nothing"
	}
	return out.String()
}

// batches returns what came on the data stream.
func (c *client) batches() []*weirpb.Batch {
	c.t.Helper()
	synctest.Wait()
	var batches []*weirpb.Batch
	for _, f := range c.Data() {
		b := &weirpb.Batch{}
		if f.Type != frame.Batch {
			c.t.Fatalf("got %s on the data stream", f.Type)
		}
		if err := frame.Decode(f.Body, b); err != nil {
			c.t.Fatal(err)
		}
		batches = append(batches, b)
	}
	return batches
}

// items returns the payloads that came for a subscription.
func (c *client) items(subscription uint32) string {
	c.t.Helper()
	var out bytes.Buffer
	for _, b := range c.batches() {
		for _, i := range b.GetItems() {
			if b.GetSubscription() == subscription {
				fmt.Fprintf(&out, "%s%s ", i.GetEvent().GetKey(), i.GetEvent().GetPayload())
			}
		}
	}
	return out.String()
}
