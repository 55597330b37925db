package edge

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"weir/edge/internal/fakeconn"
	"weir/edge/internal/fakefilter"
	"weir/edge/internal/fakehub"
	"weir/edge/internal/mirror"
	"weir/edge/token"
	"weir/filters"
	"weir/proto/frame"
	"weir/proto/weirpb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type module struct{ fakefilter.Range }

func (*module) Close() error { return nil }

// open starts an edge over a hub with the filter "range", and returns a token.
func open(t *testing.T, hub *fakehub.Hub) (s *Server, user string) {
	t.Helper()
	encode := base64.RawURLEncoding.EncodeToString
	public, private, _ := ed25519.GenerateKey(nil)
	jwk, err := json.Marshal(map[string]string{
		"kty": "OKP", "crv": "Ed25519", "kid": "k", "alg": "EdDSA", "x": encode(public), "d": encode(private.Seed()),
	})
	if err != nil {
		t.Fatal(err)
	}
	key, err := token.ParseJWK(jwk)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := key.SigningKey("acme")
	if err != nil {
		t.Fatal(err)
	}
	hub.Put(verifier)
	hub.PutFilter("acme", "range", []byte("range"))
	user, err = token.Mint(&token.Claims{
		Tenant: "acme", Subject: "alice", Expires: time.Now().Add(time.Hour), Subscribe: []string{"*"}, Publish: []string{"*"},
	}, key)
	if err != nil {
		t.Fatal(err)
	}
	s, err = start(Config{
		Upstream: hub, Agent: "weir/test", Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	}, func(_ context.Context, m []byte, _ filters.Terms) (mirror.Module, error) {
		opened := &module{}
		opened.Broken.Store(string(m) == "broken")
		return opened, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, user
}

// hello connects a client that has said who it is. ended is closed when its session is over.
func hello(t *testing.T, s *Server, user string) (c *fakeconn.Conn, ended <-chan struct{}) {
	c, done := fakeconn.New(), make(chan struct{})
	go func() {
		defer close(done)
		s.Handler()(t.Context(), c)
	}()
	c.Send(frame.Hello, &weirpb.Hello{Token: user})
	return c, done
}

func TestServerFromHelloToDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := fakehub.New()
		s, user := open(t, hub)
		defer s.Close()
		if err := s.Ready(t.Context()); err != nil {
			t.Fatal(err)
		}
		c, ended := hello(t, s, user)
		c.Send(frame.Subscribe, &weirpb.Subscribe{
			Subscription: 1, Channel: "state:a", Filters: []*weirpb.FilterRef{{Name: "range", Params: []byte("1:5")}},
		})
		synctest.Wait()
		c.Data()
		c.Send(frame.Publish, &weirpb.Publish{
			Request: 1, Publication: &weirpb.Publication{Channel: "state:a", Key: "k", Payload: []byte("3")},
		})
		synctest.Wait()
		data := c.Data()
		batch := &weirpb.Batch{}
		if len(data) != 1 || frame.Decode(data[0].Body, batch) != nil || len(batch.GetItems()) != 1 {
			t.Fatalf("got %d batches, %v", len(data), batch)
		}
		control := c.Control()
		if len(control) != 3 || control[2].Type != frame.Published {
			t.Errorf("got %d frames, want WELCOME, SUBSCRIBED and PUBLISHED", len(control))
		}
		if err := s.Drain(t.Context(), time.Second); err != nil {
			t.Error(err)
		}
		<-ended
		if f := c.Control(); len(f) != 1 || f[0].Type != frame.Goodbye {
			t.Errorf("drained with %v, want GOODBYE", f)
		}
	})
}

func TestControlChangesReachWhatIsLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := fakehub.New()
		s, user := open(t, hub)
		defer s.Close()
		c, ended := hello(t, s, user)
		c.Send(frame.Subscribe, &weirpb.Subscribe{Subscription: 1, Channel: "log:a"})
		synctest.Wait()
		c.Control()
		hub.Drop(&weirpb.Namespace{Tenant: "acme", Name: "log"})
		synctest.Wait()
		m := &weirpb.Unsubscribed{}
		frames := c.Control()
		if len(frames) != 1 || frame.Decode(frames[0].Body, m) != nil || m.GetFault().GetCode() != "namespace_unknown" {
			t.Errorf("got %d frames, %v, want UNSUBSCRIBED namespace_unknown", len(frames), m)
		}
		hub.Drop(&weirpb.Tenant{Name: "acme"})
		<-ended
	})
}

func TestCanaryThatFailsIsNotTriedAnyLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := fakehub.New()
		s, user := open(t, hub)
		defer s.Close()
		digest := sha256.Sum256([]byte("broken"))
		hub.PutVersion(&weirpb.FilterVersion{
			Tenant: "acme", Name: "range", Version: 2, Digest: digest[:], Role: weirpb.FilterRole_FILTER_ROLE_CANARY, CanaryPercent: 100,
		}, []byte("broken"))
		c, ended := hello(t, s, user)
		c.Send(frame.Subscribe, &weirpb.Subscribe{
			Subscription: 1, Channel: "log:a", Filters: []*weirpb.FilterRef{{Name: "range", Params: []byte("1:5")}},
		})
		synctest.Wait()
		const events = 20
		for range events {
			hub.Add("acme", "log:a", "", "3")
			synctest.Wait()
		}
		items := 0
		for _, f := range c.Data() {
			batch := &weirpb.Batch{}
			if err := frame.Decode(f.Body, batch); err != nil {
				t.Fatal(err)
			}
			items += len(batch.GetItems())
		}
		stats := s.FilterStats("acme", "range")
		if items != events || len(stats) != 2 || stats[1].Failures != 5 || stats[0].Matches != events {
			t.Errorf("%d events of %d arrived; the versions did %+v", items, events, stats)
		}
		if stats[1].Role != "pushed" {
			t.Errorf("the hub has not been told: the version is %s", stats[1].Role)
		}
		s.Close()
		<-ended
	})
}

func TestReadyGivesUpWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub := fakehub.New()
		hub.SetDown(true)
		s, _ := open(t, hub)
		defer s.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if s.Ready(ctx) == nil {
			t.Error("ready without a hub")
		}
	})
}

func TestNewWantsAllItNeeds(t *testing.T) {
	if _, err := New(Config{Upstream: fakehub.New()}); err == nil {
		t.Error("an edge without a filter engine is started")
	}
	registry := prometheus.NewRegistry()
	hub := fakehub.New()
	s, err := start(Config{Upstream: hub, Registerer: registry}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := start(Config{Upstream: hub, Registerer: registry}, nil); err == nil {
		t.Error("two edges share a registry without noticing")
	}
}
